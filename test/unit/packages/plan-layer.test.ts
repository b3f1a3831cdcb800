import { describe, expect, test } from 'vitest';
import { plainFile, type TreeEntry } from '../../../shared/domain/files/index.ts';
import {
  parseAccounts,
  parseStatus,
  planLayer,
  withParents,
} from '../../../shared/packages/index.ts';

const entry = (path: string, change: Partial<TreeEntry> = {}): TreeEntry => ({
  path,
  ...plainFile,
  size: 1,
  verity: 'a'.repeat(64),
  ...change,
});
const directory = (path: string, change: Partial<TreeEntry> = {}) => {
  const { verity: _, ...rest } = entry(path, {
    type: 'directory',
    mode: 0o755,
    size: 0,
    ...change,
  });
  return rest;
};

const packageText = (name: string) =>
  `Package: ${name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n`;
const accounts = parseAccounts('root:x:0:0::/root:/bin/sh\n', 'root:x:0:\n');
const base = {
  entries: [
    directory('/'),
    directory('/etc'),
    entry('/etc/a'),
    entry('/etc/gone'),
    entry('/etc/passwd'),
  ],
  packages: parseStatus(packageText('a')),
  accounts,
};
const full = {
  entries: [
    directory('/'),
    directory('/etc', { mode: 0o711 }),
    entry('/etc/a', { mtime: 9 }),
    entry('/etc/b', { mode: 0o4755 }),
    entry('/etc/passwd', { size: 2 }),
    entry('/etc/hostname'),
    entry('/etc/ssh/ssh_host_rsa_key'),
    directory('/var/lib/b', { uid: 400 }),
    entry('/var/lib/dpkg/status'),
    entry('/var/lib/dpkg/info/b.list'),
    entry('/var/cache/apt/pkgcache.bin'),
    entry('/var/cache/fontconfig/a'),
    directory('/var/log/b', { uid: 400 }),
    entry('/var/log/b/access.log'),
    entry('/usr/bin/b'),
  ],
  packages: parseStatus(`${packageText('a')}\n${packageText('b')}`),
  accounts,
};
const input = {
  module: 'b',
  base,
  full,
  shipped: { a: ['/etc/a'], b: ['/etc/b', '/usr/bin/b', '/var/lib/b'] },
  debs: [],
  mask: [],
  carve: undefined,
};
const paths = (entries: readonly TreeEntry[]) => entries.map(({ path }) => path);

describe('the layer of packages', () => {
  test('has what differs from the base, and neither databases nor what the host left', () => {
    const plan = planLayer(input);
    expect(paths(plan.entries)).toEqual([
      '/etc',
      '/etc/b',
      '/usr/bin/b',
      '/var/lib/b',
      '/var/lib/dpkg/info/b.list',
      '/var/log/b',
    ]);
    expect([...plan.generated.keys()]).toEqual(['/var/lib/dpkg/status.d/b']);
    expect(plan.removed).toEqual(['/etc/gone']);
  });

  test('of a module without a base is the whole tree with its users', () => {
    const plan = planLayer({ ...input, base: undefined });
    expect(paths(plan.entries)).toContain('/etc/passwd');
    expect(paths(plan.entries)).not.toContain('/etc/hostname');
    expect(plan.generated.get('/usr/lib/sysusers.d/00-gantry-b.conf')).toContain('u root 0');
  });

  test('has nothing that a mask leaves out, and keeps the records of packages', () => {
    const plan = planLayer({ ...input, mask: ['/usr/bin', '/var/**'] });
    expect(paths(plan.entries)).toEqual(['/etc', '/etc/b']);
    expect(plan.generated.size).toBe(1);
  });

  test('carved has only files that are claimed, with their packages’ records', () => {
    const plan = planLayer({ ...input, carve: ['/usr/bin/*'] });
    expect(paths(plan.entries)).toEqual(['/usr/bin/b', '/var/lib/dpkg/info/b.list']);
    expect(plan.carved).toEqual(['/etc/b']);
    expect(planLayer({ ...input, carve: ['/srv/**'] }).packages).toEqual([]);
  });

  test('gets the parents that it needs, as the packages have them', () => {
    const tree = withParents([entry('/etc/b'), entry('/srv/x')], full.entries, 7);
    expect(tree.map(({ path, mode, mtime }) => [path, mode.toString(8), mtime])).toEqual([
      ['/', '755', 0],
      ['/etc', '711', 0],
      ['/etc/b', '644', 0],
      ['/srv', '755', 7],
      ['/srv/x', '644', 0],
    ]);
  });
});
