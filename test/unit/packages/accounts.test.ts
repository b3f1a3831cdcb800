import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  accountsScript,
  assignIds,
  describeAccounts,
  dynamicAccounts,
  formatIds,
  formatSysusers,
  misplacedAccounts,
  newAccounts,
  parseAccounts,
  parseIds,
  startingAccounts,
  withLockedIds,
} from '../../../shared/packages/index.ts';

const base = parseAccounts('root:x:0:0:root:/root:/bin/sh\n', 'root:x:0:\nadm:x:4:\n');
const full = parseAccounts(
  `root:x:0:0:root:/root:/bin/sh
redis:x:401:402:Redis,,,:/var/lib/redis:/usr/sbin/nologin
_chrony:x:403:403:Chrony "time":/var/lib/chrony:/usr/sbin/nologin
proxy:x:404:65534::/nonexistent:/usr/sbin/nologin
broken line
`,
  'root:x:0:\nadm:x:4:redis\nredis:x:402:\n_chrony:x:403:\nnogroup:x:65534:\ndata:x:405:redis,_chrony\n',
);

describe('users that a layer brings', () => {
  test('become lines of sysusers.d with the same ids, groups and memberships', () => {
    expect(formatSysusers(newAccounts(base, full), full)).toBe(
      `g data 405
g nogroup 65534
g redis 402
u _chrony 403 "Chrony \\"time\\"" /var/lib/chrony /usr/sbin/nologin
u proxy 404:nogroup - /nonexistent /usr/sbin/nologin
u redis 401:redis "Redis" /var/lib/redis /usr/sbin/nologin
m _chrony data
m redis adm
m redis data
`,
    );
  });

  test('are none where the base has them all', () => {
    expect(formatSysusers(newAccounts(full, full), full)).toBe('');
  });
});

describe('the table of ids', () => {
  test('gives each name one free number, the same for a user and its group', () => {
    const ids = assignIds(
      { users: { redis: { uid: 400 } }, groups: { redis: { gid: 400 }, data: { gid: 402 } } },
      { users: ['redis', 'chrony', 'b'], groups: ['chrony', 'redis', 'data'] },
    );
    expect(ids).toEqual({
      users: { redis: { uid: 400 }, b: { uid: 401 }, chrony: { uid: 403 } },
      groups: { redis: { gid: 400 }, data: { gid: 402 }, chrony: { gid: 403 } },
    });
    expect(parseIds(formatIds(ids), 'ids.yaml')).toEqual(ids);
  });

  test('keeps the order and comments of its file, and adds what is new', () => {
    const text = '# ours\nusers:\n  zed: { uid: 700 } # by hand\ngroups: {}\n';
    const ids = assignIds(parseIds(text, 'ids.yaml'), { users: ['redis'], groups: [] });
    const written = formatIds(ids, text);
    expect(written).toMatch(/^# ours\nusers:\n {2}zed: \{ uid: 700 \} # by hand\n/);
    expect(parseIds(written, 'ids.yaml')).toEqual(ids);
    expect(formatIds(ids, written)).toBe(written);
  });

  test('never runs into the ids that packages choose', () => {
    const users = Array.from({ length: 501 }, (_, at) => `u${at}`);
    expect(() => assignIds({ users: {}, groups: {} }, { users, groups: [] })).toThrow(
      expect.objectContaining({ code: 'ids_invalid' }),
    );
  });

  test.each([
    ['users: {a: {uid: 0}}', 'users.a.uid'],
    ['users: {a: {uid: 400}, b: {uid: 400}}', '400 for a and b'],
    ['users: [', 'ids.yaml'],
    ['- a', 'users and groups'],
    ['user: {}', 'user'],
  ])('refuses %s', (text, said) => {
    expect(() => parseIds(text, 'ids.yaml')).toThrow(said);
  });

  test('names users whose scripts took another id', () => {
    const ids = { users: { redis: { uid: 401 } }, groups: { redis: { gid: 9 } } };
    const made = { users: full.users.slice(1, 2), groups: full.groups.slice(2, 3) };
    expect(misplacedAccounts(made, ids)).toEqual(['redis']);
  });
});

describe('users made before the scripts run', () => {
  const home = { path: '/var/lib/redis', type: 'directory', mode: 0o750 } as const;
  const entries = [{ ...home, uid: 401, gid: 402, mtime: 0, mtime_ns: 0, size: 0 }];
  const names = { users: new Set<string>(), groups: new Set(['redis']) };

  test('keep home, shell and groups of the first build', () => {
    const described = describeAccounts(full, names, { entries, shipped: new Set() });
    expect(described.users.find(({ name }) => name === 'redis')).toEqual({
      name: 'redis',
      uid: 401,
      group: 'redis',
      gecos: 'Redis,,,',
      home: '/var/lib/redis',
      shell: '/usr/sbin/nologin',
      home_mode: 0o750,
      base: false,
    });
    expect(described.users.find(({ name }) => name === 'proxy')?.group).toBe('nogroup');
    expect(described.groups.find(({ name }) => name === 'adm')?.members).toEqual(['redis']);
    expect(described.groups.find(({ name }) => name === 'redis')?.base).toBe(true);
  });

  test('are not those that Debian numbers itself', () => {
    const { users, groups } = dynamicAccounts(
      parseAccounts(
        'a:x:99:1::/:/bin/sh\nb:x:100:1::/:/bin/sh\n',
        'users:x:100:\nc:x:101:\nd:x:60000:\n',
      ),
    );
    expect([...users, ...groups].map(({ name }) => name)).toEqual(['b', 'c']);
  });

  test('get no home that a package ships', () => {
    const shipped = new Set(['/var/lib/redis']);
    const { users } = describeAccounts(full, names, { entries, shipped });
    expect(users.find(({ name }) => name === 'redis')?.home_mode).toBeNull();
  });

  test('start with those of the required modules, under the ids of their locks', () => {
    const found = describeAccounts(full, names, { entries, shipped: new Set() });
    const accounts = startingAccounts([found], undefined);
    expect(accounts.users.every(({ base: isBase }) => isBase)).toBe(true);
    expect(withLockedIds({ users: {}, groups: {} }, accounts)).toMatchObject({
      users: { redis: { uid: 401 }, _chrony: { uid: 403 } },
      groups: { redis: { gid: 402 }, data: { gid: 405 } },
    });

    const other = { users: { redis: { uid: 500 } }, groups: {} };
    expect(() => withLockedIds(other, accounts)).toThrow(
      expect.objectContaining({ code: 'ids_invalid', expected: 500, found: 401 }),
    );
    expect(withLockedIds(other, found).users.redis).toEqual({ uid: 500 });
  });

  test('are quoted for the shell', () => {
    const accounts = describeAccounts(
      parseAccounts("a:x:400:400:it's $(id):/h:/bin/sh\n", 'a:x:400:\n'),
      names,
      { entries: [], shipped: new Set() },
    );
    const ids = { users: { a: { uid: 400 } }, groups: { a: { gid: 400 } } };
    expect(accountsScript(accounts, ids)).toContain("':it'\\''s $(id):/h:/bin/sh'");
  });

  const group = { name: 'a', gid: 400, base: false };
  const user = { name: 'a', uid: 400, group: 'a', home: '/h', shell: '/bin/sh', base: false };
  const table = { users: { a: { uid: 400 } }, groups: { a: { gid: 400 } } };

  test('add one line each, whatever a lock says of them', () => {
    const tree = mkdtempSync(join(tmpdir(), 'accounts-'));
    mkdirSync(join(tree, 'etc'));
    writeFileSync(join(tree, 'etc/passwd'), '');
    writeFileSync(join(tree, 'etc/group'), '');

    const gecos = '\\nroot2\\0072x\\00720\\00720\\0072\\0072/root\\0072/bin/sh';
    const users = [{ ...user, gecos, home_mode: null }];
    const script = accountsScript({ users, groups: [{ ...group, members: [] }] }, table);
    execFileSync('sh', ['-euc', script, 'sh', tree]);

    const passwd = readFileSync(join(tree, 'etc/passwd'), 'utf8');
    rmSync(tree, { recursive: true });
    expect(passwd).toBe(`a:x:400:400:${gecos}:/h:/bin/sh\n`);
  });

  test('get their homes in the tree, wherever a lock puts them', () => {
    const users = [{ ...user, gecos: '', home: "/../it's", home_mode: 0o750 }];
    const script = accountsScript({ users, groups: [] }, table);
    expect(script).toContain('chroot "$1" /bin/sh -c ');
    expect(script).toContain(` sh '/../it'\\''s' 400:"`);
    expect(script).not.toContain(`"$1"'`);
  });
});
