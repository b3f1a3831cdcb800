import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedTree, isDataLink, requireTree } from '../../../../agent/verify/expected-tree.ts';
import { machineFilesOf } from '../../../../agent/verify/machine-files.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import type { RenderedFile } from '../../../../shared/contract/reconcile/index.ts';
import { parentPath, type TreeEntry } from '../../../../shared/domain/files/index.ts';

const plain = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtime_ns: 0, size: 0 };

function tree(...entries: [string, TreeEntry['type']][]): TreeEntry[] {
  return [['/', 'directory'] as const, ...entries].map(([path, type]) => ({
    ...plain,
    path,
    type,
    ...(type === 'symlink' ? { target: '/' } : {}),
  }));
}

function rendered(path: string, text = 'rendered'): RenderedFile {
  const content = Buffer.from(text).toString('base64');
  return { path, module: 'acme/motd', mode: 0o100600, uid: 1, gid: 2, mtime: 3, content };
}

function laid(entries: TreeEntry[], files: RenderedFile[], writablePaths: string[] = []) {
  return expectedTree({ entries, owners: new Map(), rendered: files, metadata: {}, writablePaths });
}

describe('an expected tree', () => {
  it('has rendered files topmost, in place of a module’s file, with the directories they need', () => {
    const { entries, contents, owners } = laid(tree(['/etc', 'directory'], ['/etc/motd', 'file']), [
      rendered('/etc/motd'),
      rendered('/opt/app/conf'),
    ]);
    const motd = entries.find((entry) => entry.path === '/etc/motd');

    expect(motd).toMatchObject({ type: 'file', mode: 0o600, uid: 1, gid: 2, size: 8 });
    expect(Buffer.from(contents.get('/etc/motd') as Uint8Array).toString()).toBe('rendered');
    expect(owners.get('/opt/app/conf')).toBe('acme/motd');

    expect(entries.map((entry) => entry.path)).toEqual([
      '/',
      '/etc',
      '/etc/motd',
      '/machine-data',
      '/opt',
      '/opt/app',
      '/opt/app/conf',
      '/run',
      '/run/gantry',
      '/run/gantry/metadata.json',
    ]);

    requireTree(entries);
  });

  it('has the mount points that it is asked for, and keeps what modules ship there', () => {
    const entries = tree(['/dev', 'directory'], ['/proc', 'symlink']);
    const mountPoints = ['/dev', '/proc', '/sys'];
    const made = expectedTree({
      ...{ entries, owners: new Map(), rendered: [], metadata: {}, writablePaths: [], mountPoints },
    });

    const types = new Map(made.entries.map(({ path, type }) => [path, type]));
    expect(mountPoints.map((path) => types.get(path))).toEqual([
      'directory',
      'symlink',
      'directory',
    ]);
    expect(made.added.has('/sys')).toBe(true);
    expect(made.added.has('/dev')).toBe(false);
  });

  it.each([
    '/../etc/passwd',
    '/etc/../../x',
    '/etc/./x',
    '//etc/x',
    '/etc/x/',
    'etc/x',
    '',
    '/',
    '/etc/\0x',
    `/etc/${'x'.repeat(256)}`,
    `/${'x/'.repeat(2100)}x`,
  ])('refuses the rendered path %j, which is not plain', (path) => {
    expect(() => laid(tree(['/etc', 'directory']), [rendered(path)])).toThrow(/cannot be laid out/);
  });

  it.each([
    ['beneath a symlink', '/link/x'],
    ['far beneath a symlink', '/link/a/b/c'],
    ['in place of a symlink', '/link'],
    ['beneath a file', '/file/x'],
    ['in place of a directory', '/dir'],
    ['in place of a device', '/null'],
  ])('refuses a rendered file %s', (_, path) => {
    const entries = tree(
      ['/dir', 'directory'],
      ['/file', 'file'],
      ['/link', 'symlink'],
      ['/null', 'character'],
    );
    expect(() => laid(entries, [rendered(path)])).toThrow(
      expect.objectContaining({ code: 'desired_state_invalid', field: path }),
    );
  });

  it.each([
    ['file', 'file', 3],
    ['directory', 'directory', 0],
    ['symlink', 'symlink', 0],
  ] as const)(
    'with a %s of a module at the path of the metadata has a %s there',
    (shipped, kept, size) => {
      const metadata = '/run/gantry/metadata.json';
      const { entries } = laid(
        tree(['/run', 'directory'], ['/run/gantry', 'directory'], [metadata, shipped]),
        [],
      );
      expect(entries.find(({ path }) => path === metadata)).toMatchObject({ type: kept, size });
    },
  );

  it('has the bytes of small files, which no store keeps', () => {
    const max = limits.inlineFileBytesMax;
    const file = (path: string, size: number, content?: string): TreeEntry => ({
      ...plain,
      path,
      type: 'file',
      size,
      ...(content === undefined ? {} : { content }),
    });
    const entries = [
      ...tree(['/dir', 'directory']),
      file('/empty', 0),
      file('/large', max + 1, 'eHl6'),
      { ...file('/link', 3), type: 'symlink' as const, target: '/' },
      file('/most', max, 'eHl6'),
      file('/none', 3),
    ];
    const { contents } = laid(entries, []);
    contents.delete('/run/gantry/metadata.json');
    expect(Object.fromEntries(contents)).toEqual({
      '/most': Buffer.from('xyz'),
      '/none': Buffer.alloc(0),
    });
  });

  it('takes a rendered path that is as long as Linux allows', () => {
    const parts = [...Array(15).fill('x'.repeat(limits.nameBytesMax)), 'x'.repeat(254)];
    const path = `/${parts.join('/')}`;
    expect(Buffer.byteLength(path)).toBe(limits.pathBytesMax - 1);
    expect(laid(tree(), [rendered(path)]).owners.has(path)).toBe(true);
    expect(() => laid(tree(), [rendered(`${path}x`)])).toThrow(/cannot be laid out/);
  });

  it('omits the metadata if a module’s link is in its path, and links the machine’s paths where it can', () => {
    const { entries } = laid(
      tree(['/run', 'symlink'], ['/srv', 'symlink']),
      [],
      ['/var', '/srv/data'],
    );
    expect(entries.map(({ path, target }) => [path, target])).toEqual([
      ['/', undefined],
      ['/machine-data', undefined],
      ['/run', '/'],
      ['/srv', '/'],
      ['/var', '../../machine-data/var'],
    ]);
  });

  it('has a link in the place of each of the machine’s paths, and keeps what is shipped there apart', () => {
    const { entries, shippedData } = laid(
      tree(
        ['/etc', 'directory'],
        ['/etc/name', 'file'],
        ['/srv', 'directory'],
        ['/srv/db', 'directory'],
        ['/srv/db/seed', 'file'],
        ['/srv/db-page', 'file'],
      ),
      [rendered('/srv/db/conf')],
      ['/srv/db/deep', '/srv/db', '/etc/name', '/srv/db', '/opt/new'],
    );

    expect(entries.filter(({ type }) => type === 'symlink')).toMatchObject([
      { path: '/etc/name', target: '../../../machine-data/etc/name' },
      { path: '/opt/new', target: '../../../machine-data/opt/new' },
      { path: '/srv/db', target: '../../../machine-data/srv/db' },
    ]);

    expect(entries.filter(({ path }) => path.startsWith('/srv')).map(({ path }) => path)).toEqual([
      '/srv',
      '/srv/db',
      '/srv/db-page',
    ]);

    expect(shippedData.map(({ path, type }) => [path, type])).toEqual([
      ['/', 'directory'],
      ['/etc', 'directory'],
      ['/etc/name', 'file'],
      ['/opt', 'directory'],
      ['/opt/new', 'directory'],
      ['/srv', 'directory'],
      ['/srv/db', 'directory'],
      ['/srv/db/conf', 'file'],
      ['/srv/db/seed', 'file'],
    ]);
  });

  it('links the machine’s files of /etc, and takes no identity from a module', () => {
    const { entries, shippedData, added } = expectedTree({
      entries: tree(
        ['/etc', 'directory'],
        ['/etc/hosts', 'file'],
        ['/etc/machine-id', 'file'],
        ['/etc/resolv.conf', 'symlink'],
      ),
      owners: new Map(),
      rendered: [],
      metadata: {},
      writablePaths: ['/var'],
      machineFiles: machineFilesOf({ way: 'root' }),
    });

    expect(entries.filter(isDataLink).map(({ path }) => path)).toEqual([
      '/etc/adjtime',
      '/etc/fstab',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/machine-id',
      '/var',
    ]);
    expect(shippedData.map(({ path }) => path)).toEqual(['/', '/etc', '/etc/hosts', '/var']);
    expect([...added].sort()).toEqual([
      '/etc/adjtime',
      '/etc/fstab',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/machine-id',
      '/machine-data',
      '/run',
      '/run/gantry',
      '/run/gantry/metadata.json',
      '/var',
    ]);
    expect(machineFilesOf({ way: 'services' })).toEqual([]);
  });

  it('never has an entry whose parent is no directory of it, whatever is rendered', () => {
    const name = fc.constantFrom('a', 'b', 'link', 'file', '..', '.', '', 'run', 'gantry');
    const path = fc
      .array(name, { minLength: 1, maxLength: 5 })
      .map((names) => `/${names.join('/')}`);

    fc.assert(
      fc.property(fc.array(path, { maxLength: 4 }), (paths) => {
        const entries = tree(['/a', 'directory'], ['/a/link', 'symlink'], ['/file', 'file']);
        let made: ReturnType<typeof laid>;
        try {
          made = laid(
            entries,
            paths.map((p) => rendered(p)),
            ['/var'],
          );
        } catch {
          return;
        }

        requireTree(made.entries);
        const types = new Map(made.entries.map((entry) => [entry.path, entry.type]));
        for (const entry of made.entries)
          expect(types.get(parentPath(entry.path))).toBe('directory');
        expect(types.get('/a/link')).toBe('symlink');
      }),
    );
  });

  it('is refused when it is out of order, has a path twice or one below a file', () => {
    expect(() => requireTree(tree(['/b', 'file'], ['/a', 'file']))).toThrow(/out of order/);
    expect(() => requireTree(tree(['/a', 'file'], ['/a', 'file']))).toThrow(/twice/);
    expect(() => requireTree(tree(['/a', 'symlink'], ['/a/b', 'file']))).toThrow(/parent/);
    expect(() => requireTree(tree(['/..', 'directory'], ['/../b', 'file']))).toThrow(
      /cannot be laid out/,
    );
  });
});
