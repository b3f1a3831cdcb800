import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { resolveVersions } from '../../../shared/composition/index.ts';
import { cpuMs } from '../../support/cpu.ts';
import { thrownBy } from './factory.ts';
import { inputOf, type World } from './resolve-world.ts';

function resolve(world: World, ...assigned: string[]): string[] {
  return resolveVersions(inputOf(world, assigned)).map((one) => one.choice.id);
}

describe('resolveVersions', () => {
  it('takes the newest versions, transitively', () => {
    const world: World = {
      'acme/web': { '1.1.0': ['acme/tls@^1.0'], '1.0.0': [] },
      'acme/tls': { '2.0.0': [], '1.5.0': ['acme/base'] },
      'acme/base': { '7.0.0': [], '6.0.0': [] },
      'acme/unused': { '1.0.0': [] },
    };
    expect(resolve(world, 'acme/web')).toEqual([
      'acme/base@7.0.0',
      'acme/tls@1.5.0',
      'acme/web@1.1.0',
    ]);
  });

  it('says what was assigned and which module requires what', () => {
    const world: World = {
      'acme/a': { '1.0.0': ['acme/c'] },
      'acme/b': { '1.0.0': ['acme/c@1'] },
      'acme/c': { '1.0.0': [] },
    };

    const resolved = resolveVersions(inputOf(world, ['acme/b', 'acme/a']));
    expect(
      resolved.map(({ module, assigned, required_by }) => [module, assigned, required_by]),
    ).toEqual([
      ['acme/a', true, []],
      ['acme/b', true, []],
      ['acme/c', false, ['acme/a', 'acme/b']],
    ]);
  });

  it('resolves a bare name in the account that asks, then in powernode', () => {
    const world: World = {
      'acme/web': { '1.0.0': ['base', 'chrony'] },
      'acme/base': { '1.0.0': [] },
      'powernode/base': { '9.0.0': [] },
      'powernode/chrony': { '9.0.0': ['base'] },
    };
    expect(resolve(world, 'web')).toEqual([
      'acme/base@1.0.0',
      'acme/web@1.0.0',
      'powernode/base@9.0.0',
      'powernode/chrony@9.0.0',
    ]);
  });

  it('goes back to older versions when the newest clash', () => {
    const world: World = {
      'acme/a': { '2.0.0': ['acme/c@^2'], '1.0.0': ['acme/c@^1'] },
      'acme/b': { '2.0.0': ['acme/c@^1'], '1.0.0': ['acme/c@^1'] },
      'acme/c': { '2.0.0': [], '1.0.0': [] },
    };

    expect(resolve(world, 'acme/a', 'acme/b')).toEqual([
      'acme/a@1.0.0',
      'acme/b@2.0.0',
      'acme/c@1.0.0',
    ]);

    expect(resolve(world, 'acme/b', 'acme/a')).toEqual([
      'acme/a@1.0.0',
      'acme/b@2.0.0',
      'acme/c@1.0.0',
    ]);
  });

  it('leaves no trace of the versions it went back from', () => {
    const world: World = {
      'acme/a': { '2.0.0': ['acme/extra', 'acme/none'], '1.0.0': ['acme/extra'] },
      'acme/extra': { '1.0.0': [] },
    };
    const resolved = resolveVersions(inputOf(world, ['acme/a']));

    expect(resolved.map((one) => one.required_by)).toEqual([[], ['acme/a']]);
  });

  it('revises a module chosen before a later one asked for an older version of it', () => {
    const world: World = {
      'acme/a': { '2.0.0': [], '1.0.0': [] },
      'acme/b': { '1.0.0': ['acme/a@^1'] },
    };
    expect(resolve(world, 'acme/a', 'acme/b')).toEqual(['acme/a@1.0.0', 'acme/b@1.0.0']);
  });

  it('takes a superseded version where a constraint asks for it, even one met later', () => {
    const world: World = {
      'acme/a': { '2.0.0': [], '1.0.0 superseded': [] },
      'acme/b': { '1.0.0': ['acme/a@^1'] },
    };
    expect(resolve(world, 'acme/a')).toEqual(['acme/a@2.0.0']);
    expect(resolve(world, 'acme/a@1.0.0')).toEqual(['acme/a@1.0.0']);
    expect(resolve(world, 'acme/a', 'acme/b')).toEqual(['acme/a@1.0.0', 'acme/b@1.0.0']);
  });

  // helm/helm#4838, #8739, #9566, #12852; rancher/fleet#5808.
  it('takes the build that a constraint or a requirement names, and no other', () => {
    const world: World = {
      'acme/a': { '1.0.0+b10': [], '1.0.0+b2': [], '1.0.0+b1': [] },
      'acme/b': { '1.0.0': ['acme/a@1.0.0+b2'] },
    };
    expect(resolve(world, 'acme/a')).toEqual(['acme/a@1.0.0+b10']);
    expect(resolve(world, 'acme/a@1.0.0+b1')).toEqual(['acme/a@1.0.0+b1']);
    expect(resolve(world, 'acme/b')).toEqual(['acme/a@1.0.0+b2', 'acme/b@1.0.0']);
    expect(thrownBy(() => resolve(world, 'acme/a@1.0.0+nosuch'))).toMatchObject({
      code: 'composition_unsatisfied',
    });
    expect(thrownBy(() => resolve(world, 'acme/a@1.0.0+b1', 'acme/b'))).toMatchObject({
      code: 'composition_unsatisfied',
    });
  });

  it('names the way forward where a version or a range leaves the right ones out', () => {
    const builds: World = { 'acme/a': { '1.0.0+b2': [], '1.0.0+b1': [] } };
    expect(thrownBy(() => resolve(builds, 'acme/a@1.0.0'))).toMatchObject({
      message:
        'expected a version of acme/a for assigned acme/a@1.0.0; found only 1.0.0+b2, 1.0.0+b1; ' +
        '1.0.0 names that version alone: name a build such as 1.0.0+b2, or allow each build with "1.0.0 - 1.0.0"',
    });
    expect(resolve(builds, 'acme/a@1.0.0 - 1.0.0')).toEqual(['acme/a@1.0.0+b2']);

    const candidate: World = { 'acme/a': { '2.0.0-rc.1': [] } };
    expect(thrownBy(() => resolve(candidate, 'acme/a@*'))).toMatchObject({
      message:
        'expected a version of acme/a for assigned acme/a@*; found only 2.0.0-rc.1; ' +
        'as in npm, * takes no pre-release: name one, as in ">=2.0.0-rc.1"',
    });
    expect(resolve(candidate, 'acme/a@>=2.0.0-rc.1')).toEqual(['acme/a@2.0.0-rc.1']);
  });

  it('takes no superseded version that nothing asks for, nor in place of a quarantined one', () => {
    const gone: World = { 'acme/a': { '1.0.0 superseded': [] } };
    const quarantined: World = { 'acme/a': { '2.0.0 withheld': [], '1.0.0 superseded': [] } };

    expect(thrownBy(() => resolve(gone, 'acme/a'))).toMatchObject({
      code: 'composition_unsatisfied',
      message:
        'expected a version of acme/a for assigned acme/a; found only 1.0.0 (superseded); promote 1.0.0 to live or set it ' +
        'as the constraint, or retire 1.0.0 first to remove the module from the machines',
    });
    expect(thrownBy(() => resolve(quarantined, 'acme/a@>=1'))).toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringMatching(/found only 2\.0\.0 \(quarantined\), 1\.0\.0 \(superseded\)$/),
    });
    expect(resolve(quarantined, 'acme/a@^1')).toEqual(['acme/a@1.0.0']);
  });

  it('takes no superseded version that only a version not chosen asks for', () => {
    const world: World = {
      'acme/a': { '2.0.0': ['acme/none'], '1.0.0 superseded': [] },
      'acme/b': { '2.0.0': ['acme/a@^1', 'acme/none'], '1.0.0': ['acme/a'] },
    };
    expect(thrownBy(() => resolve(world, 'acme/b'))).toMatchObject({
      code: 'composition_unsatisfied',
    });
  });
});

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('what cannot be resolved', () => {
  it('is explained by its chains', () => {
    const world: World = {
      'acme/web': { '1.2.0': ['acme/proxy@^3'] },
      'acme/proxy': { '3.1.0': ['acme/lib@^2.0'] },
      'acme/lib': { '2.1.0': [], '1.4.0': [] },
    };
    expect(thrownBy(() => resolve(world, 'acme/web', 'acme/lib@^1.0'))).toMatchObject({
      code: 'composition_unsatisfied',
      message:
        'expected a version of acme/lib for assigned acme/lib@^1.0 and assigned acme/web 1.2.0 → acme/proxy 3.1.0 → ' +
        'acme/lib@^2.0; found only 2.1.0, 1.4.0',
      details: {
        module: 'acme/lib',
        chains: [['acme/lib@^1.0'], ['acme/web 1.2.0', 'acme/proxy 3.1.0', 'acme/lib@^2.0']],
        available: ['2.1.0', '1.4.0'],
      },
    });
  });

  it.each([
    ['a module that does not exist', {}, 'found no such module, or none that this account may use'],
    ['a module without versions', { 'acme/a': {} }, 'found no version of it on this track'],
    [
      'a quarantined version',
      { 'acme/a': { '1.0.0 withheld': [] } },
      'found only 1.0.0 (quarantined)',
    ],
  ] as [string, World, string][])('is %s', (_case, world, found) => {
    expect(thrownBy(() => resolve(world, 'acme/a'))).toMatchObject({
      code: 'composition_unsatisfied',
      message: `expected a version of acme/a for assigned acme/a; ${found}`,
    });
  });

  it('reports the demands that rule out every version, a few of many', () => {
    const world: World = {
      'acme/lib': Object.fromEntries(numbers(200).map((n) => [`${200 - n}.0.0`, []])),
    };
    const tops = numbers(50).map((n) => `acme/p${n}`);

    for (const [n, top] of tops.entries()) {
      const asked = n === 49 ? '>200' : `>=0.${n}`;
      world[top] = Object.fromEntries(
        numbers(20).map((v) => [`${20 - v}.0.0`, [`acme/lib@${asked}`]]),
      );
    }

    const started = cpuMs();
    expect(thrownBy(() => resolve(world, ...tops))).toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringMatching(
        /^expected a version of acme\/lib for assigned acme\/p49 20\.0\.0 → acme\/lib@>200; found only 200\.0\.0, .* and 180 more$/,
      ),
    });

    expect(cpuMs() - started).toBeLessThan(5000);
  });

  it('reports a long chain without its middle', () => {
    const world: World = { 'acme/lib': { '1.0.0': [] } };
    for (const n of numbers(300))
      world[`acme/m${n}`] = { '1.0.0': [n === 299 ? 'acme/lib@^9' : `acme/m${n + 1}`] };
    const error = thrownBy(() => resolve(world, 'acme/m0')) as Error;

    expect(error.message).toMatch(
      /assigned acme\/m0 1\.0\.0 → .* → … 288 more … → .* → acme\/m299 1\.0\.0 → acme\/lib@\^9/,
    );
    expect(error.message.length).toBeLessThan(400);
  });

  it('is a cycle, which is named', () => {
    const world: World = {
      'acme/top': { '1.0.0': ['acme/c'] },
      'acme/a': { '1.0.0': ['acme/b'] },
      'acme/b': { '1.0.0': ['acme/c'] },
      'acme/c': { '1.0.0': ['acme/a'] },
    };

    expect(thrownBy(() => resolve(world, 'acme/top'))).toMatchObject({
      code: 'composition_cycle',
      message:
        'expected modules not to require each other, found the cycle acme/a → acme/b → acme/c → acme/a',
    });

    expect(thrownBy(() => resolve({ 'acme/a': { '1.0.0': ['acme/a'] } }, 'acme/a'))).toMatchObject({
      details: ['acme/a', 'acme/a'],
    });
  });

  it('is not a cycle when an older version avoids it', () => {
    const world: World = {
      'acme/a': { '2.0.0': ['acme/b'], '1.0.0': ['acme/b@^1'] },
      'acme/b': { '2.0.0': ['acme/c'], '1.0.0': [] },
      'acme/c': { '3.0.0': ['acme/a'], '2.0.0': ['acme/b'] },
    };

    expect(resolve(world, 'acme/a')).toEqual(['acme/a@2.0.0', 'acme/b@1.0.0']);
    expect(resolve(world, 'acme/c')).toEqual(['acme/a@2.0.0', 'acme/b@1.0.0', 'acme/c@3.0.0']);
    expect(resolve({ 'acme/a': { '2.0.0': ['acme/a'], '1.0.0': [] } }, 'acme/a')).toEqual([
      'acme/a@1.0.0',
    ]);
  });

  it('reports its demands where modules only suit each other in turns', () => {
    const world: World = {
      'acme/a': { '2.0.0': ['acme/b@^1'], '1.0.0': ['acme/b@^2'] },
      'acme/b': { '2.0.0': ['acme/a@^2'], '1.0.0': ['acme/a@^1'] },
    };
    expect(thrownBy(() => resolve(world, 'acme/a'))).toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringContaining(
        'assigned acme/a and assigned acme/a 2.0.0 → acme/b 1.0.0 → acme/a@^1',
      ),
    });
  });

  it('is avoided five hundred times over in one resolution', () => {
    const world: World = {};
    const tops = Array.from({ length: 500 }, (_, i) => `acme/a${i}`);

    for (const top of tops) {
      world[top] = { '1.0.0': [`${top}-b`] };
      world[`${top}-b`] = { '2.0.0': [top], '1.0.0': [] };
    }

    expect(resolve(world, ...tops).filter((id) => id.endsWith('-b@1.0.0'))).toHaveLength(500);
  });

  it('is not a cycle when two ways lead to one module', () => {
    const world: World = {
      'acme/a': { '1.0.0': ['acme/b', 'acme/c'] },
      'acme/b': { '1.0.0': ['acme/d'] },
      'acme/c': { '1.0.0': ['acme/d'] },
      'acme/d': { '1.0.0': [] },
    };
    expect(resolve(world, 'acme/a')).toHaveLength(4);
  });

  it('ends with a coded answer when the search explodes', () => {
    // Pigeons and holes: no two modules may take the same version, and there is one version too
    // few.
    const count = 9;
    const world: World = {};
    const names = Array.from({ length: count + 1 }, (_, i) => `acme/p${i}`);

    for (const name of names) {
      const versions: Record<string, string[]> = {};
      for (let hole = 1; hole <= count; hole++) {
        versions[`${hole}.0.0`] = names
          .filter((other) => other !== name)
          .map((other) => `${other}@<${hole}.0.0 || >${hole}.0.0`);
      }

      world[name] = versions;
    }

    expect(thrownBy(() => resolve(world, ...names))).toMatchObject({
      code: 'composition_too_complex',
    });
  });

  it('ends with a coded answer when every version must be asked whether it meets thousands of demands', () => {
    const world: World = {};
    for (const n of numbers(10)) {
      world[`acme/p${n}`] = Object.fromEntries(
        numbers(9).map((hole) => {
          const wide = numbers(1000).map((i) => `acme/h${hole}@<${10_000 + i}`);
          return [`${9 - hole}.0.0`, [...wide, `acme/h${hole}@${n + 1}`]];
        }),
      );
    }

    for (const hole of numbers(9)) {
      world[`acme/h${hole}`] = Object.fromEntries(numbers(500).map((v) => [`${500 - v}.0.0`, []]));
    }

    const started = cpuMs();
    expect(thrownBy(() => resolve(world, ...numbers(10).map((n) => `acme/p${n}`)))).toMatchObject({
      code: 'composition_too_complex',
    });
    expect(cpuMs() - started).toBeLessThan(20_000);
  });

  it('ends with a coded answer when cycles make the search explode', () => {
    const world: World = {};
    const names = Array.from({ length: 60 }, (_, i) => `acme/m${i}`);

    for (const [i, name] of names.entries()) {
      const others = names.filter((_, other) => other % 7 !== i % 7);
      world[name] = Object.fromEntries(
        Array.from({ length: 20 }, (_, v) => [
          `${20 - v}.0.0`,
          others.filter((_, other) => other % 20 !== v),
        ]),
      );
    }

    const started = cpuMs();
    const error = thrownBy(() => resolve(world, ...names));

    expect(['composition_too_complex', 'composition_cycle']).toContain(
      (error as { code: string }).code,
    );
    expect(cpuMs() - started).toBeLessThan(20_000);
  });

  it('is more modules than the limit', () => {
    const world: World = {};
    for (let i = 0; i <= limits.resolutionModulesMax; i++)
      world[`acme/m${i}`] = { '1.0.0': [`acme/m${i + 1}`] };
    expect(thrownBy(() => resolve(world, 'acme/m0'))).toMatchObject({
      code: 'composition_too_complex',
    });
    world[`acme/m${limits.resolutionModulesMax - 1}`] = { '1.0.0': [] };
    expect(resolve(world, 'acme/m0')).toHaveLength(limits.resolutionModulesMax);
  });
});
