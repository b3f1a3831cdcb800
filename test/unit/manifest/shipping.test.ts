import { describe, expect, test } from 'vitest';
import { adviseOnShipping } from '../../../shared/manifest/index.ts';
import { manifestOf } from '../../support/manifests.ts';

const advise = (
  more: Parameters<typeof manifestOf>[1],
  rootfs: string[],
  shipped: string[] = rootfs,
) =>
  adviseOnShipping(manifestOf('redis', more), rootfs, shipped).map(
    ({ path, message }) => `${path}: ${message}`,
  );

const cure = 'add them to file_spec, or to mask if they stay out on purpose';

describe('a warning about what a build ships', () => {
  test('is not needed where everything in rootfs/ ships or is masked', () => {
    const more = { file_spec: ['/etc/**'], mask: ['*.bak'], protected_spec: ['/etc/a'] };
    expect(advise(more, ['/etc/a', '/etc/a.bak', '/usr/b.bak'], ['/etc/a'])).toEqual([]);
  });

  test('names the files that file_spec leaves out', () => {
    expect(advise({ file_spec: ['/etc/a'] }, ['/etc/a', '/etc/b', '/c'], ['/etc/a'])).toEqual([
      `file_spec: does not ship 2 files of rootfs/: /c, /etc/b; ${cure}`,
    ]);
  });

  test('is loud where nothing of rootfs/ ships, with packages or without', () => {
    expect(advise({ package_spec: ['redis-server'] }, ['/etc/redis/hub.conf'], [])).toEqual([
      `file_spec: NOTHING OF rootfs/ SHIPS: file_spec is empty, and rootfs/ has 1 file: /etc/redis/hub.conf; ${cure}`,
    ]);
    expect(advise({ package_spec: ['a1'], file_spec: ['/opt/**'] }, ['/a', '/b'], [])).toEqual([
      `file_spec: NOTHING OF rootfs/ SHIPS: file_spec matches none of them, and rootfs/ has 2 files: /a, /b; ${cure}`,
    ]);
  });

  test('is loud where a module ships no file and no package', () => {
    expect(advise({}, [])).toEqual([
      'file_spec: SHIPS NOTHING: no file and no package; that is right only for a module of policies, users or units',
    ]);
  });

  test('names a protected file that does not ship', () => {
    const more = { file_spec: ['/etc/a'], protected_spec: ['/etc/frr/**', '/etc/a'] };
    expect(advise(more, ['/etc/a', '/etc/frr/frr.conf'], ['/etc/a'])).toEqual([
      `file_spec: does not ship 1 file of rootfs/: /etc/frr/frr.conf; ${cure}`,
      'protected_spec: "/etc/frr/**" protects rootfs/etc/frr/frr.conf, which file_spec does not ship',
    ]);
  });

  test('names a glob that matches nothing, unless packages may have what it matches', () => {
    const more = { file_spec: ['/etc/a', '/usr/sbin/chronyd'] };
    expect(advise(more, ['/etc/a'])).toEqual([
      'file_spec: "/usr/sbin/chronyd" matches nothing in rootfs/',
    ]);
    expect(advise({ ...more, package_spec: ['chrony'] }, ['/etc/a'])).toEqual([]);
  });

  test('names the first of many files', () => {
    const [warning] = advise(
      { file_spec: ['/z'] },
      ['/z', ...Array.from({ length: 30 }, (_, i) => `/f${i + 10}`)],
      ['/z'],
    );
    expect(warning).toContain('30 files of rootfs/: /f10, /f11,');
    expect(warning).toContain('/f19 and 20 more;');
  });
});
