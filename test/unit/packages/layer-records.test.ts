import { describe, expect, test } from 'vitest';
import {
  accountsOfLayers,
  describeAccounts,
  formatSysusers,
  type LockedPackage,
  newAccounts,
  parseAccounts,
  parseStatus,
  readRecord,
  recordFiles,
} from '../../../shared/packages/index.ts';

const status =
  'Package: redis\nStatus: install ok installed\nVersion: 5:7.0~rc1-1\nArchitecture: amd64\n';
const redis: LockedPackage = {
  name: 'redis',
  version: '5:7.0~rc1-1',
  architecture: 'amd64',
  path: 'pool/main/r/redis/redis_7.0~rc1-1_amd64.deb',
  sha256: 'ab'.repeat(32),
  size: 12_345,
};

describe('the record of a package in a layer', () => {
  test('names the .deb, so that the layer is enough to install it again', () => {
    const [[path, text] = ['', '']] = recordFiles(parseStatus(status), [redis]);
    expect(path).toBe('/var/lib/dpkg/status.d/redis');
    expect(text).toBe(`${status}Archive-File: ${redis.path} 12345 ${redis.sha256}\n`);
    expect(readRecord(text, path)).toMatchObject({ name: 'redis', deb: redis });
  });

  test('of another builder names no .deb', () => {
    const { deb, ...named } = readRecord(status, 'r');
    expect(deb).toBeUndefined();
    expect(named).toEqual({ name: 'redis', version: '5:7.0~rc1-1', architecture: 'amd64' });
  });

  test.each([
    ['a name of another alphabet', status.replace('redis', 'redis; rm -rf /')],
    ['no version', 'Package: redis\nArchitecture: amd64\n'],
    ['a path that leads out', `${status}Archive-File: ../etc/x.deb 1 ${redis.sha256}\n`],
    ['a URL', `${status}Archive-File: https://evil.test/x.deb 1 ${redis.sha256}\n`],
    ['a short hash', `${status}Archive-File: pool/x.deb 1 abcd\n`],
    ['no size', `${status}Archive-File: pool/x.deb\n`],
  ])('is refused with %s', (_, text) => {
    expect(() => readRecord(text, '/var/lib/dpkg/status.d/redis')).toThrow(
      expect.objectContaining({ code: 'artifact_invalid' }),
    );
  });
});

describe('the users of layers', () => {
  const base = parseAccounts(
    'root:x:0:0:root:/root:/bin/sh\n',
    'root:x:0:\nadm:x:4:\ndata:x:405:\n',
  );
  const full = parseAccounts(
    `root:x:0:0:root:/root:/bin/sh
redis:x:401:402:Redis:/var/lib/redis:/usr/sbin/nologin
_chrony:x:403:403:Chrony "time":/var/lib/chrony:/usr/sbin/nologin
`,
    'root:x:0:\nadm:x:4:redis\nredis:x:402:\n_chrony:x:403:\ndata:x:405:redis,_chrony\n',
  );
  const empty = parseAccounts('', '');

  test('are those that the builds described, across the layers of a base and a module', () => {
    const found = accountsOfLayers({
      sysusers: [
        formatSysusers(newAccounts(empty, base), base),
        formatSysusers(newAccounts(base, full), full),
      ],
      directories: new Map([['/var/lib/redis', 0o2750]]),
    });

    const home = { path: '/var/lib/redis', type: 'directory', mode: 0o2750 } as const;
    const entry = { ...home, uid: 401, gid: 402, mtime: 0, mtime_ns: 0, size: 0 };
    const names = {
      users: new Set(full.users.map(({ name }) => name)),
      groups: new Set(full.groups.map(({ name }) => name)),
    };
    const described = describeAccounts(full, names, { entries: [entry], shipped: new Set() });
    expect(sorted(found)).toEqual(sorted(described));
  });

  test('are left out where no layer has their group, and refused with other names', () => {
    const of = (text: string) => accountsOfLayers({ sysusers: [text], directories: new Map() });
    expect(of('u redis 401 - - -\nm redis ssl-cert\n').groups.map(({ name }) => name)).toEqual([
      'redis',
    ]);
    expect(() => of('u $(id) 401 - - -\n')).toThrow(
      expect.objectContaining({ code: 'artifact_invalid' }),
    );
  });
});

function sorted({ users, groups }: ReturnType<typeof accountsOfLayers>) {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return {
    users: [...users].sort(byName),
    groups: groups.map((group) => ({ ...group, members: [...group.members].sort() })).sort(byName),
  };
}
