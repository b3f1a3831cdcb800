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
