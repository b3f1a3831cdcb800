import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolve } from '../../../shared/composition/index.ts';
import type { ResolutionRecord } from '../../../shared/domain/compose/index.ts';
import { thrownBy } from './factory.ts';
import { inputOf, type World } from './resolve-world.ts';

function resolved(world: World, assigned: string[], previous: ResolutionRecord | null = null) {
  // Stored as JSON in between.
  const kept: ResolutionRecord | null = JSON.parse(JSON.stringify(previous));
  const { modules, record } = resolve({ ...inputOf(world, assigned), previous: kept });
  return { ids: modules.map(({ choice }) => choice.id), modules, record };
}

const world: World = {
  'acme/web': { '1.0.0': ['acme/lib@^1', 'http-server@*'] },
  'acme/lib': { '1.1.0': [], '1.0.0': [] },
  'acme/nginx': { '1.0.0': ['provides http-server'] },
};

describe('the record of a resolution', () => {
  it('shows version, requirers and the chain of constraints of each module', () => {
    const { record } = resolved(world, ['acme/web']);
    expect(record.modules['acme/lib']).toEqual({
      version_id: 'acme/lib@1.1.0',
      version: '1.1.0',
      assigned: false,
      required_by: ['acme/web'],
      chains: [['acme/web 1.0.0', 'acme/lib@^1']],
    });

    expect(record.modules['acme/nginx']?.chains).toEqual([
      ['acme/web 1.0.0', 'http-server@* (from acme/nginx)'],
    ]);
    expect(record.capabilities).toEqual({ 'acme/http-server': 'acme/nginx' });
    expect(record.settled).toBe(true);
  });

  it('stays when a module is registered that a name could mean as well', () => {
    const first = resolved(
      { ...world, 'powernode/base': { '1.0.0': [] }, 'acme/web': { '1.0.0': ['base@*'] } },
      ['acme/web'],
    );
    const more: World = {
      'powernode/base': { '1.0.0': [] },
      'acme/web': { '1.0.0': ['base@*'] },
      'acme/base': { '9.0.0': [] },
    };

    const second = resolved(more, ['acme/web'], first.record);
    expect(second.ids).toEqual(first.ids);
    expect(second.record).toEqual(first.record);
    expect(resolved(more, ['acme/web']).ids).toContain('acme/base@9.0.0');
  });

  it('gives the modules as they were resolved', () => {
    const first = resolved(world, ['acme/web']);
    expect(resolved(world, ['acme/web'], first.record).modules).toEqual(first.modules);
  });

  it('keeps the provider of a capability when another module begins to provide it', () => {
    const first = resolved(world, ['acme/web']);
    const apache: World = { ...world, 'acme/apache': { '1.0.0': ['provides http-server'] } };

    expect(resolved(apache, ['acme/web'], first.record).ids).toEqual(first.ids);
    // A promotion elsewhere resolves again and still keeps it.
    const promoted: World = { ...apache, 'acme/lib': { '1.2.0': [], '1.1.0': [] } };

    expect(resolved(promoted, ['acme/web'], first.record).ids).toEqual([
      'acme/lib@1.2.0',
      'acme/nginx@1.0.0',
      'acme/web@1.0.0',
    ]);

    expect(thrownBy(() => resolved(promoted, ['acme/web']))).toMatchObject({
      code: 'composition_ambiguous',
    });
    // An assignment has the last word.
    expect(resolved(promoted, ['acme/web', 'acme/apache'], first.record).ids).not.toContain(
      'acme/nginx@1.0.0',
    );
  });

  it.each([
    [
      'a promotion',
      { ...world, 'acme/lib': { '1.2.0': [], '1.1.0': [] } },
      ['acme/web'],
      'acme/lib@1.2.0',
    ],
    [
      'a quarantine',
      { ...world, 'acme/lib': { '1.0.0': [], '1.1.0 withheld': [] } },
      ['acme/web'],
      'acme/lib@1.0.0',
    ],
    ['an assignment', world, ['acme/web', 'acme/lib@1.0.0'], 'acme/lib@1.0.0'],
  ] as [string, World, string[], string][])('gives way to %s', (_case, changed, assigned, id) => {
    const { record } = resolved(world, ['acme/web']);
    expect(resolved(changed, assigned, record).ids).toContain(id);
  });

  it('gives way to a promotion of a version that a passed-over version waited for', () => {
    const waiting: World = {
      'acme/web': { '2.0.0': ['acme/lib@^2'], '1.0.0': ['acme/lib@^1'] },
      'acme/lib': { '1.0.0': [] },
    };
    const { ids, record } = resolved(waiting, ['acme/web']);

    expect(ids).toContain('acme/web@1.0.0');
    const there = { ...waiting, 'acme/lib': { '2.0.0': [], '1.0.0': [] } };

    expect(resolved(there, ['acme/web'], record).ids).toEqual(['acme/lib@2.0.0', 'acme/web@2.0.0']);
  });

  it('is not kept where a version was passed over because of a name that meant nothing', () => {
    const waiting: World = { 'acme/web': { '2.0.0': ['mail@*'], '1.0.0': [] } };
    const { ids, record } = resolved(waiting, ['acme/web']);

    expect([ids, record.settled]).toEqual([['acme/web@1.0.0'], false]);
    const there: World = { ...waiting, 'acme/exim': { '1.0.0': ['provides mail'] } };

    expect(resolved(there, ['acme/web'], record).ids).toEqual([
      'acme/exim@1.0.0',
      'acme/web@2.0.0',
    ]);
  });

  it('changes nothing where nothing changed, in any state of the world (law)', () => {
    const modules = ['acme/a', 'acme/b', 'acme/c', 'acme/d'];
    const one = fc.tuple(fc.constantFrom(...modules, 'cap'), fc.constantFrom('^1', '^2', '*'));
    const version = fc.tuple(fc.array(one, { maxLength: 2 }), fc.boolean());
    const worlds = fc.tuple(
      ...modules.map(() => fc.array(version, { minLength: 1, maxLength: 3 })),
    );
    let kept = 0;

    fc.assert(
      fc.property(worlds, (versions) => {
        const any: World = {};
        versions.forEach((list, i) => {
          const entries = list.map(([requires, provides], v): [string, string[]] => [
            `${list.length - v}.0.0`,
            [...requires.map((text) => text.join('@')), ...(provides ? ['provides cap'] : [])],
          ]);
          any[modules[i] as string] = Object.fromEntries(entries);
        });

        let first: ReturnType<typeof resolved>;
        try {
          first = resolved(any, ['acme/a', 'acme/b']);
        } catch {
          return;
        }

        kept++;
        expect(resolved(any, ['acme/b', 'acme/a'], first.record)).toEqual(first);
      }),
      { numRuns: 500 },
    );

    expect(kept).toBeGreaterThan(50);
  });
});
