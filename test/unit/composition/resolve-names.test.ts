import { describe, expect, it } from 'vitest';
import { resolve } from '../../../shared/composition/index.ts';
import { thrownBy } from './factory.ts';
import { inputOf, type World } from './resolve-world.ts';

const idsOf = (world: World, ...assigned: string[]) =>
  resolve(inputOf(world, assigned)).modules.map(({ choice }) => choice.id);

const web = { '1.0.0': ['http-server@*'] };
const server = { '1.0.0': ['provides http-server'] };

describe('a bare name that no module has', () => {
  it('is met by the module of the asking account that provides it', () => {
    const world: World = {
      'acme/web': web,
      'acme/nginx': server,
      'acme/other': { '1.0.0': ['provides mail'] },
    };
    expect(idsOf(world, 'acme/web')).toEqual(['acme/nginx@1.0.0', 'acme/web@1.0.0']);
  });

  it("is met by powernode's module where the asking account has none", () => {
    const world: World = { 'acme/web': web, 'powernode/nginx': server };
    expect(idsOf(world, 'acme/web')).toEqual(['acme/web@1.0.0', 'powernode/nginx@1.0.0']);
    expect(idsOf({ ...world, 'acme/apache': server }, 'acme/web')).toEqual([
      'acme/apache@1.0.0',
      'acme/web@1.0.0',
    ]);
  });

  it('is met by an assigned module before all others, of any account', () => {
    const world: World = {
      'acme/web': web,
      'acme/nginx': server,
      'acme/apache': server,
      'other/caddy': server,
    };

    expect(idsOf(world, 'acme/web', 'acme/apache')).toEqual([
      'acme/apache@1.0.0',
      'acme/web@1.0.0',
    ]);
    expect(idsOf(world, 'acme/web', 'other/caddy')).toEqual([
      'acme/web@1.0.0',
      'other/caddy@1.0.0',
    ]);
    expect(idsOf(world, 'acme/web', 'acme/nginx', 'acme/apache')).toHaveLength(3);
  });

  it('is never met by a module of another account that is not assigned', () => {
    const world: World = { 'acme/web': web, 'other/caddy': server };
    expect(thrownBy(() => idsOf(world, 'acme/web'))).toMatchObject({
      code: 'composition_unsatisfied',
      message:
        'expected a version of powernode/http-server for assigned acme/web 1.0.0 → http-server@* (from ' +
        'powernode/http-server); found no such module, or none that this account may use, nor one that provides http-server',
    });
  });

  it('is a module of that name wherever there is one', () => {
    const world: World = {
      'acme/web': web,
      'acme/nginx': server,
      'powernode/http-server': { '3.0.0': [] },
    };
    expect(idsOf(world, 'acme/web')).toEqual(['acme/web@1.0.0', 'powernode/http-server@3.0.0']);
  });

  it('is ambiguous when several provide it, which are named', () => {
    const world: World = { 'acme/web': web, 'acme/nginx': server, 'acme/apache': server };
    expect(thrownBy(() => idsOf(world, 'acme/web'))).toMatchObject({
      code: 'composition_ambiguous',
      message:
        'expected one module that provides http-server for assigned acme/web 1.0.0, found acme/apache and acme/nginx; ' +
        'assign the one that is meant',
      details: {
        capability: 'http-server',
        providers: ['acme/apache', 'acme/nginx'],
        chain: ['acme/web 1.0.0'],
      },
    });
  });

  it('takes a version that provides it, and asks the constraint of that version', () => {
    const nginx = {
      '2.0.0': [],
      '1.5.0': ['provides http-server'],
      '1.0.0': ['provides http-server'],
    };

    expect(idsOf({ 'acme/web': web, 'acme/nginx': nginx }, 'acme/web')).toContain(
      'acme/nginx@1.5.0',
    );

    const strict = { '1.0.0': ['http-server@<1.5'] };
    expect(idsOf({ 'acme/web': strict, 'acme/nginx': nginx }, 'acme/web')).toContain(
      'acme/nginx@1.0.0',
    );

    const newer = { '1.0.0': ['http-server@^2'] };
    expect(
      thrownBy(() => idsOf({ 'acme/web': newer, 'acme/nginx': nginx }, 'acme/web')),
    ).toMatchObject({
      code: 'composition_unsatisfied',
      message: expect.stringContaining(
        'found only 2.0.0 (does not provide http-server), 1.5.0, 1.0.0',
      ),
    });
  });

  it('passes over a quarantined provider where there is another, and names the quarantine where there is none', () => {
    const ill = { '1.0.0 withheld': ['provides http-server'] };
    expect(idsOf({ 'acme/web': web, 'acme/a': ill, 'acme/b': server }, 'acme/web')).toContain(
      'acme/b@1.0.0',
    );
    expect(thrownBy(() => idsOf({ 'acme/web': web, 'acme/a': ill }, 'acme/web'))).toMatchObject({
      message: expect.stringContaining('found only 1.0.0 (quarantined)'),
    });
  });
});

describe('a module of another account', () => {
  it('is resolved by its full name where it is visible, and its own bare names are of its account', () => {
    const world: World = {
      'acme/web': { '1.0.0': ['other/lib@^1'] },
      'other/lib': { '1.2.0': ['base@*'] },
      'other/base': { '5.0.0': [] },
      'acme/base': { '1.0.0': [] },
    };
    expect(idsOf(world, 'acme/web')).toEqual([
      'acme/web@1.0.0',
      'other/base@5.0.0',
      'other/lib@1.2.0',
    ]);
  });

  it('does not exist where it is not visible', () => {
    expect(
      thrownBy(() => idsOf({ 'acme/web': { '1.0.0': ['other/lib@^1'] } }, 'acme/web')),
    ).toMatchObject({
      message: expect.stringMatching(/found no such module, or none that this account may use$/),
    });
  });
});

describe('a requirement capability:<tag>', () => {
  const ruby = (version: string) => ({ '1.0.0': [`provides ruby@${version}`] });
  const worker = (range: string) => ({ '1.0.0': [`capability:ruby${range}`] });

  it('never means a module of that name', () => {
    const world: World = {
      'acme/web': worker(''),
      'acme/ruby': { '9.0.0': [] },
      'powernode/runtime': ruby('3.4'),
    };
    expect(idsOf(world, 'acme/web')).toEqual(['acme/web@1.0.0', 'powernode/runtime@1.0.0']);
  });

  it('asks its constraint of the version that the provider states, and picks the provider by it', () => {
    const world: World = {
      'acme/web': worker('@~> 3.4'),
      'acme/old': worker('@<3.4'),
      'acme/ruby33': ruby('3.3.9'),
      'acme/ruby34': ruby('3.4.7'),
    };
    expect(idsOf(world, 'acme/web', 'acme/old')).toEqual([
      'acme/old@1.0.0',
      'acme/ruby33@1.0.0',
      'acme/ruby34@1.0.0',
      'acme/web@1.0.0',
    ]);
    expect(thrownBy(() => idsOf({ ...world, 'acme/web': worker('') }, 'acme/web'))).toMatchObject({
      code: 'composition_ambiguous',
      details: { capability: 'ruby', providers: ['acme/ruby33', 'acme/ruby34'] },
    });
  });

  it('asks its constraint of the module where the provider states no version', () => {
    const world: World = {
      'acme/web': worker('@^2'),
      'acme/runtime': { '2.1.0': ['provides ruby'], '1.0.0': ['provides ruby'] },
    };
    expect(idsOf(world, 'acme/web')).toContain('acme/runtime@2.1.0');
  });

  it('takes the newest version of the provider whose capability suits', () => {
    const runtime = {
      '3.0.0': ['provides ruby@3.5'],
      '2.0.0': ['provides ruby@3.4'],
      '1.0.0': ['provides ruby@3.3'],
    };
    const world: World = { 'acme/web': worker('@~> 3.3, < 3.5'), 'acme/runtime': runtime };
    expect(idsOf(world, 'acme/web')).toContain('acme/runtime@2.0.0');
  });

  it('names the capability where nothing provides it', () => {
    const world: World = { 'acme/web': worker('@~> 3.4'), 'acme/ruby33': ruby('3.3.9') };
    expect(thrownBy(() => idsOf(world, 'acme/web'))).toMatchObject({
      code: 'composition_unsatisfied',
      message:
        'expected a module that provides ruby for assigned acme/web 1.0.0 → capability:ruby@~> 3.4; found no such module, ' +
        'or none that this account may use, nor one that provides ruby',
    });
  });

  it('keeps the provider of the last resolution', () => {
    const world: World = { 'acme/web': worker('@^3'), 'acme/a': ruby('3.4') };
    const { record } = resolve(inputOf(world, ['acme/web']));
    expect(record.capabilities).toEqual({ 'acme/capability:ruby@^3': 'acme/a' });

    const more: World = { ...world, 'acme/b': ruby('3.4'), 'acme/c': { '1.0.0': [] } };
    const again = resolve({ ...inputOf(more, ['acme/web', 'acme/c']), previous: record });
    expect(again.modules.map(({ module }) => module)).toEqual(['acme/a', 'acme/c', 'acme/web']);
  });
});

describe('the constraint of a bare name that is a capability', () => {
  it('applies to the version that the provider states', () => {
    const world: World = {
      'acme/web': { '1.0.0': ['nginx-http@^1.26'] },
      'acme/nginx': { '7.0.0': ['provides nginx-http@1.27'] },
    };
    expect(idsOf(world, 'acme/web')).toContain('acme/nginx@7.0.0');
  });
});
