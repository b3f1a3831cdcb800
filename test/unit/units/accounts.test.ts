import { describe, expect, it } from 'vitest';
import type { ManifestUser } from '../../../shared/domain/modules/index.ts';
import { base, generate, type ModuleOptions } from './factory.ts';

const user = (one: ManifestUser, more: Partial<ModuleOptions> = {}): ModuleOptions => ({
  ...more,
  manifest: { users: [one] },
});

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

describe('users and groups of manifests', () => {
  it('follow those of the base, with a group of their own and no password', () => {
    const { text, entries } = generate([
      user({ name: 'deploy', uid: 450, home: '/srv', shell: '/bin/sh', gecos: 'Deploys' }),
    ]);

    expect(text('/etc/passwd')).toBe(
      `root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
deploy:x:450:450:Deploys:/srv:/bin/sh
`,
    );
    expect(lastLine(text('/etc/group'))).toBe('deploy:x:450:');
    expect(lastLine(text('/etc/shadow'))).toBe('deploy:!*:::::::');
    expect(lastLine(text('/etc/gshadow'))).toBe('deploy:!*::');
    expect(entries.map(({ path }) => path)).toEqual([
      '/etc/group',
      '/etc/gshadow',
      '/etc/passwd',
      '/etc/shadow',
    ]);
  });

  it('join the groups that they name', () => {
    const { text, warnings } = generate([
      {
        manifest: {
          users: [{ name: 'www-data', supplementary_groups: ['ssl-cert', 'nowhere'] }],
          groups: [
            { name: 'ssl-cert', gid: 105 },
            { name: 'web', gid: 106, members: ['www-data'] },
          ],
        },
      },
    ]);

    expect(text('/etc/group')).toContain('ssl-cert:x:105:www-data\nweb:x:106:www-data\n');
    expect(text('/etc/gshadow')).toContain('ssl-cert:!*::www-data\n');
    expect(warnings).toEqual([
      'acme/web puts the user www-data into the group nowhere, and the root has not both; it is left out',
    ]);
  });

  it('keep the numbers that the base has', () => {
    const { text, entries } = generate([user({ name: 'www-data', shell: '/bin/sh' })]);
    expect(text('/etc/passwd')).toContain('www-data:x:33:33:www-data:/var/www:/bin/sh\n');
    expect(entries.map(({ path }) => path)).toEqual(['/etc/passwd']);
  });

  it('get a number that follows from their name where the manifest has none', () => {
    const first = generate([user({ name: 'deploy' })]);
    const second = generate([user({ name: 'ops' }), user({ name: 'deploy' }, { module: 'b' })]);
    const line = first.text('/etc/passwd').trimEnd().split('\n').at(-1) ?? '';

    expect(line).toMatch(/^deploy:x:(4\d{4}|5[0-8]\d{3}):\1::\/:\/usr\/sbin\/nologin$/);
    expect(second.text('/etc/passwd')).toContain(`${line}\n`);
    expect(first.warnings[0]).toMatch(/^the user deploy of acme\/web has no uid/);
  });

  it('change nothing when the root has them already', () => {
    const { entries } = generate([user({ name: 'www-data', uid: 33, home: '/var/www' })]);
    expect(entries).toEqual([]);
  });

  it('take what builds recorded of the users of packages', () => {
    const { text } = generate([
      {
        files: {
          '/usr/lib/sysusers.d/00-gantry-web.conf':
            'g ssl 451\nu redis 407:408 "Redis \\"7\\"" /var/lib/redis -\nu _chrony 406 - - -\ng redis-group 408\nm redis ssl\n',
        },
      },
    ]);

    expect(text('/etc/passwd')).toContain(
      '_chrony:x:406:406::/:/usr/sbin/nologin\nredis:x:407:408:Redis "7":/var/lib/redis:/usr/sbin/nologin\n',
    );
    expect(text('/etc/group')).toContain('redis-group:x:408:\n');
    expect(text('/etc/group')).toContain('ssl:x:451:redis\n');
  });

  it.each([
    'u evil:x:0:0::/:/bin/sh 450 - - -\n',
    'u "evil:x:0:0::/:/bin/sh" 450 - - -\n',
    'u a 450:evil:x:0: - - -\n',
    'u a 450 "x:/:/bin/sh\\nevil:" / -\n',
    'g evil:x:0: 450\n',
  ])('take no line of a database from a record: %j', (record) => {
    const { entries, text } = generate([
      { files: { '/usr/lib/sysusers.d/00-gantry-web.conf': record } },
    ]);
    const made = entries.filter(({ path }) => /^\/etc\/(?:passwd|group)$/.test(path));
    expect(made.map(({ path }) => text(path)).join('')).not.toContain('evil');
  });

  it('name a group in a unit only by a plain name', () => {
    const odd = { ...base, '/etc/group': 'root:x:0:\nx\rExecStartPre=+/bin/sh:x:33:\n' };
    const { text } = generate(
      [
        {
          manifest: { services: [{ name: 'a', start_command: '/usr/bin/true', user: 'www-data' }] },
        },
      ],
      { base: odd },
    );
    expect(text('/usr/lib/systemd/system/gantry-web:a.service')).toContain('\nGroup=33\n');
  });

  it('take a group that has another number than the user of its name', () => {
    const recorded = 'g games 60\nu games 5:games - - -\n';
    const { text } = generate([{ files: { '/usr/lib/sysusers.d/00-gantry-web.conf': recorded } }]);

    expect(text('/etc/passwd')).toContain('games:x:5:60:');
    expect(text('/etc/group')).toContain('games:x:60:\n');
  });

  it.each<[string, ModuleOptions[]]>([
    [
      'two names for one uid',
      [user({ name: 'a', uid: 450 }), user({ name: 'b', uid: 450 }, { module: 'b' })],
    ],
    ['the uid of another user of the base', [user({ name: 'a', uid: 33 })]],
    ['another uid than the base has', [user({ name: 'www-data', uid: 34 })]],
    ['a second root', [user({ name: 'toor', uid: 0 })]],
    [
      'two numbers for one group',
      [
        { manifest: { groups: [{ name: 'a', gid: 450 }] } },
        { module: 'b', manifest: { groups: [{ name: 'a', gid: 451 }] } },
      ],
    ],
    [
      'two names for one gid',
      [
        {
          manifest: {
            groups: [
              { name: 'a', gid: 450 },
              { name: 'b', gid: 450 },
            ],
          },
        },
      ],
    ],
    [
      'two homes for one user',
      [
        user({ name: 'a', uid: 450, home: '/a' }),
        user({ name: 'a', uid: 450, home: '/b' }, { module: 'b' }),
      ],
    ],
  ])('conflict about %s', (_, modules) => {
    expect(() => generate(modules)).toThrow(expect.objectContaining({ code: 'user_conflict' }));
  });

  it('do not replace a database that is a link', () => {
    const linked = { ...base, '/etc/passwd': '-> ../opt/passwd', '/opt/passwd': 'x' };
    expect(() => generate([user({ name: 'a', uid: 450 })], { base: linked })).toThrow(
      expect.objectContaining({ code: 'generated_path_conflict', field: '/etc/passwd' }),
    );
  });

  it('conflict with the uid that a build recorded', () => {
    const files = { '/usr/lib/sysusers.d/00-gantry-b.conf': 'u redis 407 - - -\n' };
    expect(() => generate([{ files }, user({ name: 'a', uid: 407 })])).toThrow(
      'expected one user with the id 407, found a of acme/web and redis of acme/web. Give one of them another id in its manifest',
    );
  });
});
