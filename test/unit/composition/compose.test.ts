import { describe, expect, it } from 'vitest';
import { compose } from '../../../shared/composition/index.ts';
import type { Composition } from '../../../shared/domain/compose/index.ts';
import { entry, layer, thrownBy, tree } from './factory.ts';

const filesOf = (composition: Composition) => Object.fromEntries(composition.owners);
const at = (composition: Composition, path: string) =>
  composition.entries.find((one) => one.path === path);

describe('compose', () => {
  it('lets the higher layer win a path and says which files it shadows', () => {
    const base = layer('acme/base', 10, ['/etc/motd', '/etc/hosts']);
    const site = layer('acme/site', 90, ['/etc/motd']);
    const composition = compose([site, base]);

    expect(composition.layers).toEqual([base, site]);
    expect(filesOf(composition)).toEqual({ '/etc/hosts': 'acme/base', '/etc/motd': 'acme/site' });
    expect(at(composition, '/etc/motd')).toBe(site.entries.find((one) => one.path === '/etc/motd'));
    expect(composition.report.shadowed).toEqual([
      { path: '/etc/motd', from: 'acme/base', by: 'acme/site' },
    ]);
  });

  it('names the winner, not the next layer, as the one that shadows', () => {
    const composition = compose([
      layer('acme/a', 1, ['/f']),
      layer('acme/b', 2, ['/f']),
      layer('acme/c', 3, ['/f']),
    ]);
    expect(composition.report.shadowed.map(({ from, by }) => [from, by])).toEqual([
      ['acme/a', 'acme/c'],
      ['acme/b', 'acme/c'],
    ]);
  });

  it('breaks ties by the byte-wise later name', () => {
    const composition = compose([
      layer('acme/b', 5, ['/f']),
      layer('acme/B', 5, ['/f']),
      layer('acme/a', 5, ['/f']),
    ]);
    expect(filesOf(composition)).toEqual({ '/f': 'acme/b' });
  });

  it('sorts the merged root by bytes', () => {
    const composition = compose([
      layer('acme/a', 1, ['/a/b', '/a.c']),
      layer('acme/b', 2, ['/a-b', '/\u{1f600}', '/\uffee']),
    ]);
    expect(composition.entries.map((one) => one.path)).toEqual([
      '/',
      '/a',
      '/a-b',
      '/a.c',
      '/a/b',
      '/\uffee',
      '/\u{1f600}',
    ]);
  });

  it('gives merged directories, the root included, the attributes of the highest layer that has them', () => {
    const low = layer('acme/low', 1, [], {
      entries: [
        entry('/', 'directory', { mode: 0o700 }),
        entry('/etc', 'directory', { mode: 0o750, uid: 5 }),
      ],
    });

    const high = layer('acme/high', 2, [], { entries: [entry('/', 'directory', { mode: 0o711 })] });
    const composition = compose([high, low]);

    expect(at(composition, '/')?.mode).toBe(0o711);
    expect(at(composition, '/etc')).toMatchObject({ mode: 0o750, uid: 5 });
  });

  it('lets files, symlinks and devices replace each other', () => {
    const low = layer('acme/low', 1, ['/a', '/b -> a', '/c'], {});
    const high = layer('acme/high', 2, ['/a -> b', '/b'], {});

    high.entries.push(entry('/c', 'character', { rdev: 259 }));
    const composition = compose([low, high]);

    expect(composition.entries.map((one) => one.type)).toEqual([
      'directory',
      'symlink',
      'file',
      'character',
    ]);
  });

  it('is an empty root for no layers', () => {
    const composition = compose([]);
    expect(composition.entries).toEqual([entry('/', 'directory', { mtime: 0 })]);

    expect(composition.report).toEqual({
      layers: [],
      dropped: [],
      shadowed: [],
      carved_out: [],
      warnings: [],
    });
  });

  it('refuses a module that is given twice', () => {
    expect(thrownBy(() => compose([layer('acme/a', 1, []), layer('acme/a', 2, [])]))).toMatchObject(
      {
        code: 'conflict',
        found: 'acme/a',
      },
    );
  });

  it('reports each layer with its priority, its files and its mask', () => {
    const composition = compose([
      layer('acme/base', 10, ['/etc/shadow', '/etc/passwd'], { protected_spec: ['/etc/shadow'] }),
      layer('acme/site', 90, ['/etc/shadow', '/srv/', '/etc/x -> y']),
    ]);
    expect(composition.report.layers).toEqual([
      { name: 'acme/base', version: '1.0.0', priority: 10, files: 2, effective_mask: [] },
      {
        name: 'acme/site',
        version: '1.0.0',
        priority: 90,
        files: 2,
        effective_mask: ['/etc/shadow'],
      },
    ]);
  });
});

describe('a file where another module has a directory', () => {
  const sentence = (path: string, directory: string, file: string) =>
    `expected "${path}" to be a directory in every module or in none, found a directory in ${directory} and a file, symlink or reservation in ${file}`;

  it.each([
    ['the file above', layer('acme/dir', 1, ['/opt/x/y']), layer('acme/file', 2, ['/opt/x'])],
    ['the file below', layer('acme/dir', 2, ['/opt/x/y']), layer('acme/file', 1, ['/opt/x'])],
    ['an empty directory', layer('acme/dir', 2, ['/opt/x/']), layer('acme/file', 1, ['/opt/x'])],
    [
      'an instance file',
      layer('acme/dir', 1, ['/opt/x/']),
      layer('acme/file', 2, ['/opt/x'], { variety: 'instance' }),
    ],
    [
      'a directory of an instance',
      layer('acme/dir', 2, ['/opt/x/y'], { variety: 'instance' }),
      layer('acme/file', 1, ['/opt/x']),
    ],
  ])('is a conflict that names path and both modules (%s)', (_case, directory, file) => {
    const error = thrownBy(() => compose([directory, file]));
    expect(error).toMatchObject({
      code: 'composition_type_conflict',
      message: sentence('/opt/x', 'acme/dir', 'acme/file'),
      details: [{ path: '/opt/x', directory: 'acme/dir', file: 'acme/file' }],
    });
  });

  it('never follows a symlink to merge directories (merged /usr, docker-debian-artifacts#60)', () => {
    const merged = layer('acme/merged', 1, ['/bin -> usr/bin', '/usr/bin/sh']);
    const split = layer('acme/split', 2, ['/bin/sh']);

    expect(thrownBy(() => compose([merged, split]))).toMatchObject({
      code: 'composition_type_conflict',
      message: sentence('/bin', 'acme/split', 'acme/merged'),
    });
  });

  it('names the first path by bytes and counts the others', () => {
    const error = thrownBy(() =>
      compose([layer('acme/a', 1, ['/x/1', '/b/1']), layer('acme/c', 2, ['/x', '/b'])]),
    );
    expect((error as Error).message).toMatch(/^expected "\/b" .* \(and 1 more such paths\)$/);
  });
});

describe('instance modules', () => {
  const base = () => layer('acme/base', 10, ['/etc/hostname', '/etc/hosts']);
  const host = (priority: number) =>
    layer('acme/host', priority, ['/etc/hostname', '/var/empty/'], { variety: 'instance' });

  it('put directories alone into the image and give their files for rendering', () => {
    const instance = host(94);
    const composition = compose([base(), instance]);

    const directories = instance.entries.filter((one) => one.path.startsWith('/var'));
    expect(composition.entries).toEqual([...compose([base()]).entries, ...directories]);
    expect(composition.instance_files).toEqual([
      { module: 'acme/host', entry: instance.entries.find((one) => one.path === '/etc/hostname') },
    ]);
    expect(composition.report.shadowed).toEqual([
      { path: '/etc/hostname', from: 'acme/base', by: 'acme/host' },
    ]);
  });

  it('are shadowed by higher layers', () => {
    const composition = compose([base(), host(5)]);
    expect(composition.instance_files).toEqual([]);
    expect(composition.report.shadowed).toEqual([
      { path: '/etc/hostname', from: 'acme/host', by: 'acme/base' },
    ]);
  });

  it('are dropped where another module protects the path', () => {
    const composition = compose([{ ...base(), protected_spec: ['/etc/hostname'] }, host(94)]);
    expect(composition.instance_files).toEqual([]);
    expect(composition.report.dropped).toEqual([
      { path: '/etc/hostname', from: 'acme/host', because_of: 'acme/base' },
    ]);
  });

  it('protect their own paths', () => {
    const composition = compose([base(), { ...host(94), protected_spec: ['/etc/hostname'] }]);
    expect(filesOf(composition)).toEqual({ '/etc/hosts': 'acme/base' });
    expect(composition.instance_files).toHaveLength(1);
  });

  it('give their directories the attributes that they ship, by rank', () => {
    const secrets = (priority: number) =>
      layer('acme/host', priority, ['/etc/secrets/token'], {
        variety: 'instance',
        entries: tree(['/etc/secrets/token']).map((one) =>
          one.path === '/etc/secrets' ? { ...one, mode: 0o700, uid: 33 } : one,
        ),
      });
    const modeOf = (composition: Composition) =>
      composition.entries.find((one) => one.path === '/etc/secrets');
    const open = layer('acme/open', 50, ['/etc/secrets/']);

    expect(modeOf(compose([base(), secrets(94)]))).toMatchObject({ mode: 0o700, uid: 33 });
    expect(modeOf(compose([open, secrets(94)]))).toMatchObject({ mode: 0o700, uid: 33 });
    expect(modeOf(compose([open, secrets(5)]))).toMatchObject({ mode: 0o755, uid: 0 });
    expect(
      modeOf(compose([open, { ...secrets(5), protected_spec: ['/etc/secrets/***'] }])),
    ).toMatchObject({ mode: 0o700, uid: 33 });
  });

  it('leave directories without files to the image when there is nothing else', () => {
    const composition = compose([host(1)]);
    expect(composition.entries.map((one) => one.path)).toEqual(['/', '/etc', '/var', '/var/empty']);
    expect(composition.owners.size).toBe(0);
  });

  it('are refused for what cannot be rendered', () => {
    const links = layer('acme/host', 1, [], {
      variety: 'instance',
      entries: tree(['/etc/localtime -> UTC']),
    });
    expect(thrownBy(() => compose([links]))).toMatchObject({
      code: 'instance_entry_unsupported',
      message: expect.stringContaining('"/etc/localtime", which is of type symlink'),
    });
  });
});
