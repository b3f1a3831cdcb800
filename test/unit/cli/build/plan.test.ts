import { describe, expect, test } from 'vitest';
import { planModule, plannedTree } from '../../../../cli/build/plan.ts';
import type { SourceEntry } from '../../../../cli/build/rootfs.ts';
import { parseManifest } from '../../../../shared/manifest/index.ts';

const manifest = (yaml: string) =>
  parseManifest(`schema_version: 1\nname: my-redis\n${yaml}`).manifest;
const file = (path: string, executable = false): SourceEntry => ({
  path,
  type: 'file',
  executable,
});
const directory = (path: string): SourceEntry => ({ path, type: 'directory' });

const source = [
  directory('/etc'),
  directory('/etc/redis'),
  file('/etc/redis/redis.conf'),
  file('/etc/redis/users.acl'),
  directory('/etc/empty'),
  directory('/usr'),
  file('/usr/run', true),
  { path: '/etc/redis.conf', type: 'symlink', target: '/etc/redis/redis.conf' } as const,
];

describe('planning a build', () => {
  test('file_spec selects, the mask takes out, and globs that ship nothing are named', () => {
    const plan = planModule(
      manifest(
        'file_spec: ["/etc/**", "/opt/**", "/etc/redis/users.acl"]\nmask: ["/etc/redis/users.acl"]',
      ),
      source,
    );

    expect(plan.files).toEqual(['/etc/redis.conf', '/etc/redis/redis.conf']);
    expect(plan.advice.map(({ message }) => message)).toEqual([
      'does not ship 1 file of rootfs/: /usr/run; add them to file_spec, or to mask if they stay out on purpose',
      '"/opt/**" matches nothing in rootfs/',
      '"/etc/redis/users.acl" matches nothing in rootfs/',
    ]);
  });

  test('a carve-out ships, though its glob stands in the mask too', () => {
    const yaml = 'file_spec: ["/etc/redis/redis.conf"]\nmask: ["/etc/redis/redis.conf"]';
    expect(planModule(manifest(`${yaml}\nparent_module: redis`), source).files).toEqual([
      '/etc/redis/redis.conf',
    ]);
    expect(planModule(manifest(yaml), source).files).toEqual([]);
  });

  test('the tree has the directories above its files, owner 0:0, modes as git keeps them, one time', () => {
    const tree = plannedTree(
      ['/usr/run', '/etc/redis.conf'],
      source,
      new Map([['/usr/run', { size: 0 }]]),
      7,
    );

    const common = { uid: 0, gid: 0, mtime: 7, mtime_ns: 0 };
    expect(tree).toEqual([
      { ...common, path: '/', type: 'directory', mode: 0o755, size: 0 },
      { ...common, path: '/etc', type: 'directory', mode: 0o755, size: 0 },
      {
        ...common,
        path: '/etc/redis.conf',
        type: 'symlink',
        mode: 0o777,
        size: 21,
        target: '/etc/redis/redis.conf',
      },
      { ...common, path: '/usr', type: 'directory', mode: 0o755, size: 0 },
      { ...common, path: '/usr/run', type: 'file', mode: 0o755, size: 0 },
    ]);
  });

  test('a selected fifo is refused by its path', () => {
    const entries: SourceEntry[] = [{ path: '/fifo', type: 'other' }];
    expect(() => plannedTree(['/fifo'], entries, new Map(), 0)).toThrow(
      expect.objectContaining({ code: 'tree_invalid', field: '/fifo' }),
    );
  });
});
