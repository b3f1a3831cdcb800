import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compose,
  decodeIndex,
  emptyIndex,
  encodeIndex,
  indexOf,
  previewComposition,
} from '../../../shared/composition/index.ts';
import type {
  CompositionIndex,
  CompositionLayer,
  Preview,
} from '../../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { entry, layer, tree } from './factory.ts';

function indexed(...layers: CompositionLayer[]): CompositionIndex {
  return decodeIndex(encodeIndex(indexOf(compose(layers))));
}

const empty: Preview = {
  modules: [],
  packages: { added: [], removed: [] },
  effects: [],
  services: [],
  added: [],
  removed: [],
  changed: [],
  dropped: { now: [], no_longer: [] },
  shadowed: { now: [], no_longer: [] },
  carved_out: { now: [], no_longer: [] },
  counts: {
    modules: 0,
    packages_added: 0,
    packages_removed: 0,
    effects: 0,
    services: 0,
    added: 0,
    removed: 0,
    changed: 0,
    dropped: 0,
    shadowed: 0,
    carved_out: 0,
    times: 0,
  },
};

const base = layer('acme/base', 10, ['/etc/motd', '/etc/shadow'], {
  protected_spec: ['/etc/shadow'],
});

describe('previewComposition', () => {
  it('is empty where nothing changes', () => {
    expect(previewComposition(indexed(base), indexed(base))).toEqual(empty);
  });

  it('shows effects of manifests that appear, differ and disappear', () => {
    const effect = (name: string, value: string) => ({ name, value });
    const before = layer('acme/a', 10, ['/a'], {
      effects: [effect('service a', '/bin/a'), effect('user a', 'uid 7')],
    });
    const after = layer('acme/a', 10, ['/a'], {
      effects: [effect('service a', '/bin/b'), effect('privileged', 'yes')],
    });
    const { effects, counts } = previewComposition(indexed(before), indexed(after));

    expect(effects).toEqual([
      { module: 'acme/a', name: 'service a', was: '/bin/a', now: '/bin/b' },
      { module: 'acme/a', name: 'privileged', was: null, now: 'yes' },
      { module: 'acme/a', name: 'user a', was: 'uid 7', now: null },
    ]);
    expect(counts.effects).toBe(3);
  });

  it('shows all of the first composition as added, but the root that no module has', () => {
    const bare = layer('acme/bare', 1, [], { entries: tree(['/srv/a']).slice(1) });
    const { added, modules } = previewComposition(null, indexed(bare));

    expect(added).toEqual([
      { path: '/srv', type: 'directory', by: 'acme/bare' },
      { path: '/srv/a', type: 'file', by: 'acme/bare' },
    ]);
    expect(modules).toEqual([
      { module: 'acme/bare', before: null, after: expect.objectContaining({ version: '1.0.0' }) },
    ]);
  });

  it('shows what a module that is assigned brings, what it covers, and what of it is dropped because of whom', () => {
    const site = layer('acme/site', 90, ['/etc/motd', '/etc/shadow', '/etc/site'], {
      package_spec: ['nginx'],
    });
    const preview = previewComposition(indexed(base), indexed(base, site));

    expect(preview.added).toEqual([{ path: '/etc/site', type: 'file', by: 'acme/site' }]);
    expect(preview.changed).toEqual([
      {
        path: '/etc/motd',
        what: ['module'],
        before: { by: 'acme/base', type: 'file', mode: 0o644, uid: 0, gid: 0 },
        after: { by: 'acme/site', type: 'file', mode: 0o644, uid: 0, gid: 0 },
      },
    ]);

    expect(preview.dropped.now).toEqual([
      { path: '/etc/shadow', from: 'acme/site', because_of: 'acme/base' },
    ]);
    expect(preview.shadowed.now).toEqual([
      { path: '/etc/motd', from: 'acme/base', by: 'acme/site' },
    ]);
    expect(preview.packages).toEqual({
      added: [{ package: 'nginx', modules: ['acme/site'] }],
      removed: [],
    });
  });

  it('shows the way back when the module goes', () => {
    const site = layer('acme/site', 90, ['/etc/motd', '/etc/shadow', '/etc/site'], {
      package_spec: ['nginx'],
    });
    const preview = previewComposition(indexed(base, site), indexed(base));

    expect(preview.removed).toEqual([{ path: '/etc/site', type: 'file', from: 'acme/site' }]);
    expect(preview.dropped.no_longer).toHaveLength(1);
    expect(preview.shadowed.no_longer).toHaveLength(1);
    expect(preview.packages.removed).toEqual([{ package: 'nginx', modules: ['acme/site'] }]);
    expect(preview.modules).toEqual([
      { module: 'acme/site', before: expect.anything(), after: null },
    ]);
  });

  it.each([
    [
      'content',
      entry('/f', 'file', { size: 3, content: 'Zm9v' }),
      entry('/f', 'file', { size: 3, content: 'YmFy' }),
    ],
    ['content', entry('/f', 'symlink', { target: 'a' }), entry('/f', 'symlink', { target: 'b' })],
    ['content', entry('/f', 'block', { rdev: 1 }), entry('/f', 'block', { rdev: 2 })],
    [
      'content',
      entry('/f', 'file', { size: 99, verity: 'a'.repeat(64) }),
      entry('/f', 'file', { size: 99, verity: 'b'.repeat(64) }),
    ],
    ['mode', entry('/f'), entry('/f', 'file', { mode: 0o755 })],
    ['mode', entry('/f', 'directory'), entry('/f', 'directory', { mode: 0o700 })],
    ['owner', entry('/f'), entry('/f', 'file', { gid: 5 })],
    ['type', entry('/f', 'fifo', { mode: 0o644 }), entry('/f')],
    ['xattrs', entry('/f'), entry('/f', 'file', { xattrs: { 'user.a': 'YQ==' } })],
  ])('tells that the %s of a path changed', (what, before, after) => {
    const root = entry('/', 'directory');
    const at = (one: typeof before) => indexed(layer('acme/a', 1, [], { entries: [root, one] }));
    expect(previewComposition(at(before), at(after)).changed.map((one) => one.what)).toEqual([
      [what],
    ]);
  });

  it('only counts paths whose time alone differs', () => {
    const at = (mtime: number) =>
      indexed(layer('acme/a', 1, [], { entries: tree(['/f'], { mtime }) }));
    expect(previewComposition(at(1), at(2))).toEqual({
      ...empty,
      counts: { ...empty.counts, times: 1 },
    });
  });

  it('shows a new version and a new priority', () => {
    const before = indexed(base, layer('acme/a', 1, ['/a']));
    const after = indexed(
      { ...base, version: '2.0.0', version_id: 'ver_2' },
      layer('acme/a', 5, ['/a']),
    );

    expect(
      previewComposition(before, after).modules.map(({ module, before: a, after: b }) => [
        module,
        a?.version,
        b?.version,
        a?.priority,
        b?.priority,
      ]),
    ).toEqual([
      ['acme/a', '1.0.0', '1.0.0', 1, 5],
      ['acme/base', '1.0.0', '2.0.0', 10, 10],
    ]);
  });

  it('shows what is carved out', () => {
    const child = layer('acme/keys', 12, ['/etc/shadow'], {
      variety: 'config',
      parent_module: 'acme/base',
      file_spec: ['/etc/shadow'],
      mask: ['/etc/shadow'],
    });
    expect(previewComposition(indexed(base), indexed(base, child)).carved_out.now).toEqual([
      { path: '/etc/shadow', from: 'acme/base', by: 'acme/keys' },
    ]);
  });

  it('shows files that are rendered for each machine, in place of what they cover', () => {
    const host = layer('acme/host', 94, ['/etc/motd', '/etc/hostname'], { variety: 'instance' });
    const preview = previewComposition(indexed(base), indexed(base, host));

    expect(preview.added).toEqual([{ path: '/etc/hostname', type: 'file', by: 'acme/host' }]);
    expect(preview.changed.map(({ path, what }) => [path, what])).toEqual([
      ['/etc/motd', ['rendered', 'module']],
    ]);
  });

  it('cuts its lists where asked, and counts the whole', () => {
    const many = layer(
      'acme/a',
      1,
      Array.from({ length: 20 }, (_, i) => `/f${i}`),
    );

    const preview = previewComposition(null, indexed(many), { listMax: 5 });
    expect([preview.added.length, preview.counts.added]).toEqual([5, 21]);

    const short = previewComposition(null, indexed(many), { listMax: 5, listBytesMax: 120 });
    expect([short.added.length, short.counts.added]).toEqual([2, 21]);
  });

  it('accounts for every path that differs, whatever the two are (law)', () => {
    const files = fc.uniqueArray(
      fc.tuple(fc.constantFrom('/a', '/b', '/c/d', '/c/e', '/f'), fc.constantFrom(0o600, 0o644)),
      {
        selector: ([path]) => path,
      },
    );

    const layers = fc.tuple(files, files).map((lists) =>
      lists.map((list, i) => {
        const entries = [
          ...tree(['/c/']),
          ...list.map(([path, mode]) => entry(path, 'file', { mode })),
        ];
        return layer(`acme/m${i}`, i, [], { entries, protected_spec: i === 0 ? ['/a'] : [] });
      }),
    );

    const merged = (all: CompositionLayer[]) => {
      const { entries, owners } = compose(all);
      return new Map(entries.map((one) => [one.path, `${one.mode} ${owners.get(one.path)}`]));
    };
    fc.assert(
      fc.property(layers, layers, (before, after) => {
        const preview = previewComposition(indexed(...before), indexed(...after));
        const [a, b] = [merged(before), merged(after)];

        expect(preview.added.map(({ path }) => path)).toEqual(
          [...b.keys()].filter((path) => !a.has(path)),
        );
        expect(preview.removed.map(({ path }) => path)).toEqual(
          [...a.keys()].filter((path) => !b.has(path)),
        );
        expect(preview.changed.map(({ path }) => path)).toEqual(
          [...a.keys()].filter((path) => b.has(path) && a.get(path) !== b.get(path)),
        );

        const back = previewComposition(indexed(...after), indexed(...before));
        expect(back.dropped).toEqual({
          now: preview.dropped.no_longer,
          no_longer: preview.dropped.now,
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('the index of a composition', () => {
  it('is the same for layers in any order', () => {
    const site = layer('acme/site', 90, ['/etc/motd', '/srv/x -> y']);
    expect(encodeIndex(indexOf(compose([site, base])))).toEqual(
      encodeIndex(indexOf(compose([base, site]))),
    );
  });

  it('of an unknown format is refused', () => {
    const later = { ...indexOf(compose([])), format: 2 } as unknown as CompositionIndex;
    expect(() => decodeIndex(encodeIndex(later))).toThrow(
      expect.objectContaining({
        code: 'io_error',
        message: 'expected a composition index of format 1, found 2',
      }),
    );
  });

  it.each<[string, Uint8Array]>([
    ['that is not compressed', Buffer.from('{}')],
    ['that is not JSON', gzipSync('{')],
    ['that is another document', gzipSync('{"format":1,"entries":[]}')],
    ['with a foreign key', gzipSync(JSON.stringify({ ...indexOf(compose([])), more: 1 }))],
    [
      'with a path that has no owner',
      gzipSync(JSON.stringify({ ...indexOf(compose([base])), owner: [] })),
    ],
  ])('%s is refused', (_, bytes) => {
    expect(() => decodeIndex(bytes)).toThrow(expect.objectContaining({ code: 'io_error' }));
  });
});

describe('the lists of a preview', () => {
  it('are sorted by name, whatever the rank of the modules is', () => {
    const of = (name: string, priority: number, version: string, package_spec: string[]) =>
      layer(name, priority, [], {
        version,
        package_spec,
        effects: [{ name: 'user', value: version }],
      });
    const preview = previewComposition(
      indexed(of('acme/z', 1, '1.0.0', ['both', 'gone']), of('acme/a', 2, '1.0.0', ['both'])),
      indexed(
        of('acme/z', 1, '2.0.0', ['both', 'new-2', 'new-1']),
        of('acme/a', 2, '2.0.0', ['both', 'new-1']),
      ),
    );

    expect(preview.modules.map(({ module }) => module)).toEqual(['acme/a', 'acme/z']);
    expect(preview.effects).toEqual([
      { module: 'acme/a', name: 'user', was: '1.0.0', now: '2.0.0' },
      { module: 'acme/z', name: 'user', was: '1.0.0', now: '2.0.0' },
    ]);
    expect(preview.packages).toEqual({
      added: [
        { package: 'new-1', modules: ['acme/a', 'acme/z'] },
        { package: 'new-2', modules: ['acme/z'] },
      ],
      removed: [{ package: 'gone', modules: ['acme/z'] }],
    });
  });

  it.each([
    ['an owner', { uid: 1 }, ['owner']],
    ['a group', { gid: 1 }, ['owner']],
    ['a mode', { mode: 0o600 }, ['mode']],
    ['a kind and so its content', { type: 'symlink', target: 'x', mode: 0o644 }, ['type']],
  ] as const)('say that %s differs, once', (_what, more, what) => {
    const one = (entry: TreeEntry) => {
      const made = layer('acme/a', 1, []);
      made.entries.push(entry);
      return indexed(made);
    };
    const { changed } = previewComposition(one(entry('/x')), one(entry('/x', 'file', more)));
    expect(changed.map((row) => row.what)).toEqual([what]);
  });

  it('have decisions that are new beside those that no longer hold', () => {
    const over = (path: string) => indexed(layer('acme/a', 1, [path]), layer('acme/b', 2, [path]));
    const { shadowed, counts } = previewComposition(over('/x'), over('/y'));
    expect(shadowed).toEqual({
      now: [{ path: '/y', from: 'acme/a', by: 'acme/b' }],
      no_longer: [{ path: '/x', from: 'acme/a', by: 'acme/b' }],
    });
    expect(counts.shadowed).toBe(2);
  });

  it('start from an index of nothing', () => {
    const { format, ...lists } = emptyIndex;
    expect(format).toBe(1);
    expect(Object.values(lists).flat()).toEqual([]);
  });
});
