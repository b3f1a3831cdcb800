import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { compose } from '../../../shared/composition/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { entry, layer, thrownBy } from './factory.ts';

const protecting = (name: string, patterns: string[], paths: string[] = [], priority = 1) =>
  layer(name, priority, paths, { protected_spec: patterns });
const reserving = (name: string, patterns: string[], paths: string[] = [], priority = 1) =>
  layer(name, priority, paths, { protected_spec: patterns, granted_reservations: patterns });
const configuring = (path: string, paths: string[]) =>
  layer('acme/conf', 9, paths, {
    variety: 'config',
    parent_module: 'acme/app',
    file_spec: [path],
    mask: [path],
  });

describe('the protected paths of a composition', () => {
  it('are those that patterns match, by path and then by rank, without mere ancestors', () => {
    const vault = (name: string, priority: number) =>
      protecting(name, ['/vault/'], ['/vault/'], priority);
    const layers = [
      vault('acme/b', 1),
      vault('acme/a', 2),
      protecting('acme/c', ['/etc/key', '/etc/a'], ['/etc/key', '/etc/a', '/etc/free'], 3),
    ];
    expect(compose(layers).protected).toEqual([
      { path: '/etc/a', by: 'acme/c' },
      { path: '/etc/key', by: 'acme/c' },
      { path: '/vault', by: 'acme/b' },
      { path: '/vault', by: 'acme/a' },
    ]);
  });
});

describe('two layers that protect a directory', () => {
  const vault = (name: string, more: Partial<TreeEntry> = {}) => {
    const made = protecting(name, ['/vault']);
    made.entries.push(entry('/vault', 'directory', { mode: 0o755, ...more }));
    return made;
  };
  const xattrs = { 'user.a': 'YQ==' };

  it.each<[string, Partial<TreeEntry>, Partial<TreeEntry>]>([
    ['owners', { uid: 1 }, {}],
    ['groups', { gid: 1 }, {}],
    ['attributes, the lower more', { xattrs }, {}],
    ['attributes, the higher more', {}, { xattrs }],
    ['values of attributes', { xattrs }, { xattrs: { 'user.a': 'Yg==' } }],
    ['names of attributes', { xattrs }, { xattrs: { 'user.b': 'YQ==' } }],
    ['kinds', {}, { type: 'file' }],
    ['kinds, the lower a file', { type: 'file' }, {}],
  ])('conflict where they have different %s', (_what, lower, higher) => {
    expect(
      thrownBy(() => compose([vault('acme/a', lower), vault('acme/b', higher)])),
    ).toMatchObject({ code: 'composition_protected_conflict', found: '/vault' });
  });

  it.each<[string, Partial<TreeEntry>, Partial<TreeEntry>]>([
    ['attributes', { xattrs }, { xattrs: { ...xattrs } }],
    ['everything but the time', { mtime: 1 }, { mtime: 2, mtime_ns: 3 }],
  ])('do not conflict where they have the same %s', (_what, lower, higher) => {
    const { protected: paths } = compose([vault('acme/a', lower), vault('acme/b', higher)]);
    expect(paths).toHaveLength(2);
  });

  it('do not conflict where one protects only what is below it', () => {
    const below = protecting('acme/b', ['/vault/x'], ['/vault/x']);
    expect(compose([vault('acme/a', { mode: 0o700 }), below]).protected).toHaveLength(2);
    expect(compose([below, vault('acme/a', { mode: 0o700 })]).protected).toHaveLength(2);
  });
});

describe('conflicts of protection', () => {
  it('are listed by path, of files and of reservations alike', () => {
    const layers = [
      reserving('acme/a', ['/etc/b'], [], 1),
      reserving('acme/b', ['/etc/b'], [], 2),
      protecting('acme/c', ['/etc/c', '/etc/a'], ['/etc/c', '/etc/a'], 3),
      protecting('acme/d', ['/etc/c', '/etc/a'], ['/etc/c', '/etc/a'], 4),
    ];
    for (const one of layers) one.entries.reverse();

    expect(thrownBy(() => compose(layers))).toMatchObject({
      message: expect.stringContaining('acme/c and acme/d do (and 2 more such paths). Rename'),
      found: '/etc/a',
      details: [
        { path: '/etc/a', modules: ['acme/c', 'acme/d'] },
        { path: '/etc/b', modules: ['acme/a', 'acme/b'] },
        { path: '/etc/c', modules: ['acme/c', 'acme/d'] },
      ],
    });
  });

  it('are listed up to a hundred', () => {
    const paths = Array.from({ length: limits.conflictsShownMax + 1 }, (_, n) => `/f${n}`);
    const error = thrownBy(() =>
      compose([protecting('acme/a', ['/*'], paths), protecting('acme/b', ['/*'], paths)]),
    );
    expect(error).toMatchObject({ details: { length: limits.conflictsShownMax } });
  });
});

describe('patterns that protect nothing', () => {
  it.each([0, 1])('are warned of up to a hundred, and %i more are counted', (more) => {
    const patterns = Array.from({ length: limits.conflictsShownMax + more }, (_, n) => `/none${n}`);
    const { warnings } = compose([protecting('acme/a', patterns)]).report;
    expect(warnings).toHaveLength(limits.conflictsShownMax + more);
    expect(warnings.at(-1)).toMatch(
      more === 0 ? /matches nothing/ : /^1 more patterns of acme\/a protect no files$/,
    );
  });
});

describe('a carve-out', () => {
  it('of a path that its parent does not reserve carves out nothing', () => {
    const app = reserving('acme/app', ['/etc/app/key']);
    const conf = configuring('/etc/app/other', ['/etc/app/other']);
    expect(compose([app, conf]).report.carved_out).toEqual([]);
  });

  it('of a path that its parent reserves is reported', () => {
    const app = reserving('acme/app', ['/etc/app/key']);
    const conf = configuring('/etc/app/key', ['/etc/app/key']);
    expect(compose([app, conf]).report.carved_out).toEqual([
      { path: '/etc/app/key', from: 'acme/app', by: 'acme/conf' },
    ]);
  });

  it('of directories alone lifts no protection of a file', () => {
    const app = protecting('acme/app', ['/etc/app'], ['/etc/app']);
    expect(compose([app, configuring('/etc/app/', ['/etc/app'])]).report.dropped).toHaveLength(1);
  });

  it('settles a path that its parent both ships and reserves', () => {
    const app = reserving('acme/app', ['/etc/app'], ['/etc/app']);
    const conf = { ...configuring('/etc/app', ['/etc/app']), protected_spec: ['/etc/app'] };
    expect(compose([app, conf]).owners.get('/etc/app')).toBe('acme/conf');
  });
});

describe('the report', () => {
  it('is sorted by path, then by module, whatever the order of entries and layers is', () => {
    const files = ['/etc/a', '/etc/b', '/etc/c'];
    const app = protecting('acme/app', ['/etc/a', '/etc/b'], files, 2);
    const layers = [
      app,
      layer('acme/z', 3, files),
      layer('acme/b', 4, files),
      { ...configuring('/etc/*', files), entries: layer('acme/conf', 9, files).entries },
    ];
    for (const one of layers) one.entries.reverse();
    const { report } = compose(layers);

    expect(report.dropped.map(({ path, from }) => `${path} ${from}`)).toEqual([
      '/etc/a acme/b',
      '/etc/a acme/z',
      '/etc/b acme/b',
      '/etc/b acme/z',
    ]);
    expect(report.shadowed.map(({ path, from }) => `${path} ${from}`)).toEqual([
      '/etc/a acme/app',
      '/etc/b acme/app',
      '/etc/c acme/app',
      '/etc/c acme/b',
      '/etc/c acme/z',
    ]);
    expect(report.carved_out.map(({ path }) => path)).toEqual(['/etc/a', '/etc/b']);
    expect(report.layers.map(({ effective_mask }) => effective_mask)).toEqual([
      [],
      ['/etc/a', '/etc/b'],
      ['/etc/a', '/etc/b'],
      [],
    ]);
  });
});

describe('a path that is a directory in one module and a file in another', () => {
  it('is found by path, of many', () => {
    const names = Array.from({ length: limits.conflictsShownMax + 1 }, (_, n) => `/d${n}`);
    const directories = layer(
      'acme/a',
      1,
      names.map((name) => `${name}/`),
    );
    directories.entries.reverse();

    expect(thrownBy(() => compose([directories, layer('acme/b', 2, names)]))).toMatchObject({
      code: 'composition_type_conflict',
      found: '/d0',
      details: { length: limits.conflictsShownMax },
    });
    const files = layer('acme/b', 2, names.slice(0, 2));
    files.entries.reverse();
    expect(thrownBy(() => compose([directories, files]))).toMatchObject({
      details: [{ path: '/d0' }, { path: '/d1' }],
    });
  });

  it('is one conflict, though the file is also reserved', () => {
    const app = reserving('acme/app', ['/etc/key'], ['/etc/key']);
    const other = layer('acme/b', 2, ['/etc/key/']);
    expect(thrownBy(() => compose([app, other]))).toMatchObject({
      details: [{ path: '/etc/key', directory: 'acme/b', file: 'acme/app' }],
    });
  });
});

it('an instance module with a symlink is refused with what was found', () => {
  const instance = layer('acme/i', 1, ['/etc/x -> y'], { variety: 'instance' });
  expect(thrownBy(() => compose([instance]))).toMatchObject({
    code: 'instance_entry_unsupported',
    field: '/etc/x',
    expected: 'file',
    found: 'symlink',
  });
});
