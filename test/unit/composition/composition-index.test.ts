import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  compose,
  decodeIndex,
  encodeIndex,
  explainPath,
  indexOf,
  previewComposition,
  withGenerated,
} from '../../../shared/composition/index.ts';
import type { GeneratedService } from '../../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { entry, layer, generatedService as service, thrownBy } from './factory.ts';

const generated = (services: GeneratedService[], entries: TreeEntry[] = []) =>
  indexOf(
    withGenerated(compose([layer('acme/web', 1, ['/etc/a'])]), {
      entries,
      removed: [],
      services,
      warnings: [],
    }),
  );

/** The index of one layer with these entries below the root. */
const indexed = (...entries: TreeEntry[]) => {
  const web = layer('acme/web', 1, []);
  web.entries.push(...entries);
  return indexOf(compose([web]));
};

describe('the index of a composition', () => {
  it('has packages in order, granted patterns that are asked for, and no empty lists', () => {
    const index = indexOf(
      compose([
        layer('acme/a', 1, [], {
          package_spec: ['b', 'a'],
          protected_spec: ['/etc/b', '/etc/a', '/etc/c'],
          granted_reservations: ['/etc/b', '/etc/a', '/etc/other'],
        }),
        layer('acme/b', 2, [], { effects: [{ name: 'user', value: 'web' }] }),
      ]),
    );

    expect(index.layers.map(({ packages, effects }) => [packages, effects])).toEqual([
      [['a', 'b'], undefined],
      [[], [{ name: 'user', value: 'web' }]],
    ]);
    expect(index.layers.map((one) => 'effects' in one)).toEqual([false, true]);
    expect('services' in index).toBe(false);
    expect(index.reserved).toEqual([
      ['/etc/a', 0],
      ['/etc/b', 0],
    ]);
  });

  it('has services with what previews compare', () => {
    expect(generated([service('api', { aliases: ['x'] })]).services).toEqual([
      {
        unit: 'gantry-web:api.service',
        account: 'acme',
        module: 'web',
        managed: 'generated',
        digest: 'd',
        reboot_required: false,
      },
    ]);
  });

  it('keeps equal facts once, whatever the order of attributes is', () => {
    const xattrs = { 'user.a': 'YQ==', 'user.b': 'Yg==' };
    const reversed = { 'user.b': 'Yg==', 'user.a': 'YQ==' };
    const index = indexed(
      entry('/a', 'file', { xattrs }),
      entry('/b', 'file', { xattrs: reversed }),
      entry('/c'),
    );
    expect(index.facts).toEqual([0, 1, 1, 2]);
    expect(index.fact_table.map((facts) => facts.xattrs.length)).toEqual([0, 22, 0]);
  });

  it('has 22 letters for each content, and none for what has no content', () => {
    const verity = 'ab'.repeat(32);
    const { content } = indexed(
      entry('/a-large', 'file', { size: 9, verity }),
      entry('/b-small', 'file', { size: 1, content: 'YQ==' }),
      entry('/c-empty', 'file', { size: 0 }),
      entry('/d-link', 'symlink', { target: 'x', size: 1 }),
      entry('/e-character', 'character', { rdev: 1 }),
      entry('/f-block', 'block', { rdev: 1 }),
      entry('/g-fifo', 'fifo', { size: 1 }),
      entry('/h-block', 'block', { rdev: 2 }),
    );
    expect(content.map(({ length }) => length)).toEqual([0, 22, 22, 0, 22, 22, 22, 0, 22]);
    expect(content[1]).toBe(Buffer.from(verity, 'hex').toString('base64url').slice(0, 22));
    expect(content[5]).toBe(content[6]);
    expect(content[6]).not.toBe(content[8]);
  });

  it('names no owner of a root that no layer has, and the owner of what is generated', () => {
    expect(indexOf(compose([])).owner).toEqual([-1]);
    expect(generated([], [entry('/etc/b')]).owner).toEqual([0, 0, 0, -2]);
    expect(explainPath(generated([], [entry('/etc/b')]), '/etc/b')).toMatchObject({
      present: { by: 'generated' },
      candidates: [],
      sentences: ['/etc/b is generated from the manifests of the modules.'],
    });
  });

  it('has rendered files in their place among the paths, also the last', () => {
    const instance = layer('acme/i', 2, ['/etc/a', '/etc/z'], { variety: 'instance' });
    const index = indexOf(compose([layer('acme/web', 1, ['/etc/a', '/etc/b']), instance]));
    expect(index.paths).toEqual(['/', '/etc', '/etc/a', '/etc/b', '/etc/z']);
    expect(index.facts.map((place) => index.fact_table[place]?.rendered)).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('a stored index', () => {
  const index = indexed(entry('/a'));
  const bytes = encodeIndex(index);

  it('is read as it was written, and by its digest', () => {
    expect(decodeIndex(bytes)).toEqual(index);
    expect(decodeIndex(bytes, hash('sha256', gunzipSync(bytes)))).toEqual(index);
  });

  it('of another digest is refused', () => {
    expect(thrownBy(() => decodeIndex(bytes, 'a'.repeat(64)))).toMatchObject({
      code: 'io_error',
      message: expect.stringContaining('a'.repeat(64)),
    });
  });

  it('that is not compressed is refused with its cause', () => {
    expect(thrownBy(() => decodeIndex(Buffer.from('x')))).toMatchObject({
      code: 'io_error',
      cause: expect.any(Error),
    });
  });

  it.each(['owner', 'facts', 'content', 'mtime'] as const)(
    'with too few of %s is refused',
    (key) => {
      const short = { ...index, [key]: index[key].slice(1) };
      expect(thrownBy(() => decodeIndex(gzipSync(JSON.stringify(short))))).toMatchObject({
        code: 'io_error',
        message: 'expected a composition index with columns of one length',
      });
    },
  );
});

describe('a preview of services', () => {
  it('names those that appear, differ and disappear, by their units', () => {
    const before = generated([service('z'), service('same'), service('changed')]);
    const after = generated([
      service('same'),
      service('new'),
      service('changed', { digest: 'e', reboot_required: true }),
    ]);

    const { services, counts } = previewComposition(before, after);
    expect(services).toEqual([
      {
        unit: 'gantry-web:changed.service',
        module: 'acme/web',
        what: 'changed',
        reboot_required: true,
      },
      { unit: 'gantry-web:new.service', module: 'acme/web', what: 'added', reboot_required: false },
      { unit: 'gantry-web:z.service', module: 'acme/web', what: 'removed', reboot_required: false },
    ]);
    expect(counts.services).toBe(3);
  });
});

describe('a path that is reserved', () => {
  const explained = (path: string, paths: string[], patterns: string[]) =>
    explainPath(
      indexOf(
        compose([
          layer('acme/a', 1, paths, {
            protected_spec: patterns,
            granted_reservations: patterns,
          }),
        ]),
      ),
      path,
    ).protected_by;

  it('names the pattern that matches it', () => {
    expect(explained('/etc/key', [], ['/etc/key', '/etc/other', '/etc/key/'])).toEqual([
      { module: 'acme/a', as: 'reservation', what: '/etc/key' },
    ]);
  });

  it('names only its protection where its module ships it', () => {
    expect(explained('/etc/key', ['/etc/key'], ['/etc/key'])).toEqual([
      { module: 'acme/a', as: 'itself', what: '/etc/key' },
    ]);
  });

  it('names a module once that protects several paths below', () => {
    const below = [{ module: 'acme/a', as: 'ancestor', what: '/etc/a' }];
    expect(explained('/etc', ['/etc/a', '/etc/b'], ['/etc/?'])).toEqual(below);
    expect(explained('/', ['/etc/a', '/etc/b'], ['/etc/?'])).toEqual(below);
  });
});
