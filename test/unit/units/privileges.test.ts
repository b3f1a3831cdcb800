import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import type { ManifestSudo } from '../../../shared/domain/modules/index.ts';
import { listPrivileges } from '../../../shared/units/index.ts';
import { fileEntry } from '../../support/trees.ts';
import { type ModuleOptions, moduleLayer } from './factory.ts';

const capability = 'security.capability';

const sudo = (rule: Partial<ManifestSudo>): ManifestSudo => ({
  id: 'r',
  user: 'deploy',
  commands: ['/bin/a'],
  ...rule,
});

const suidFiles = (...names: string[]) =>
  names.map((name) => fileEntry(`/bin/${name}`, Buffer.from(name), { mode: 0o4755 }));

const list = (module: ModuleOptions) =>
  listPrivileges([moduleLayer(module)]).map(({ kind, sentence }) => [kind, sentence]);

/** The records and the usual files of a package. */
const packaged = {
  '/var/lib/dpkg/status.d/redis': 'Package: redis\n',
  '/usr/lib/systemd/system/redis.service': 'x',
  '/etc/systemd/system/multi-user.target.wants/redis.service':
    '-> /usr/lib/systemd/system/redis.service',
};

const digests = (module: ModuleOptions) =>
  listPrivileges([moduleLayer(module)]).map(({ digest }) => digest);

describe('what needs the policy module_assign_privileged', () => {
  it.each<[string, ModuleOptions, string]>([
    [
      'privileged',
      { manifest: { security: { privileged: true } } },
      'Its services have every right of root, because it is privileged.',
    ],
    [
      'user_namespace',
      { manifest: { security: { user_namespace: true } } },
      'Its services run in user namespaces of their own.',
    ],
    [
      'unit_body',
      { manifest: { services: [{ name: 'a', unit_body: '[Service]\n' }] } },
      'It writes whole systemd units: a.',
    ],
    [
      'sudoers',
      { manifest: { sudoers: [{ id: 'r', user: 'deploy', commands: ['/bin/a', '/bin/b'] }] } },
      'It lets users run commands with sudo: deploy runs /bin/a, /bin/b.',
    ],
    [
      'root_id',
      {
        manifest: {
          users: [
            { name: 'toor', uid: 0 },
            { name: 'ops', primary_gid: 0 },
          ],
        },
      },
      'It gives the id 0 of root to toor, ops.',
    ],
    [
      'root_id',
      { manifest: { groups: [{ name: 'wheel', gid: 0 }] } },
      'It gives the id 0 of root to wheel.',
    ],
    [
      'setuid_file',
      { entries: [fileEntry('/usr/bin/su', Buffer.from('su'), { mode: 0o4755 })] },
      'It ships files that run as their owner or group: /usr/bin/su (4755 0:0).',
    ],
    [
      'capability_file',
      {
        entries: [
          fileEntry('/usr/bin/ping', Buffer.from('p'), {
            xattrs: { 'security.capability': 'AQ==' },
          }),
        ],
      },
      'It ships files with Linux capabilities: /usr/bin/ping (AQ==).',
    ],
    [
      'unit_file',
      { files: { '/etc/systemd/system/ssh.service.d/x.conf': 'x' } },
      'It ships systemd units of its own: /etc/systemd/system/ssh.service.d/x.conf.',
    ],
    [
      'unit_file',
      { files: { '/usr/lib/systemd/system/evil.service': 'x' } },
      'It ships systemd units of its own: /usr/lib/systemd/system/evil.service.',
    ],
    [
      'unit_file',
      { files: { '/etc/systemd/system/evil.service': '-> /opt/evil.service' } },
      'It ships systemd units of its own: /etc/systemd/system/evil.service.',
    ],
    [
      'unit_file',
      {
        files: {
          '/etc/systemd/system/evil.service':
            '-> ../../../usr/lib/systemd/system/../../../opt/evil',
        },
      },
      'It ships systemd units of its own: /etc/systemd/system/evil.service.',
    ],
    [
      'unit_file',
      { files: { '/etc/systemd/system/auditd.service': '-> /dev/null' } },
      'It ships systemd units of its own: /etc/systemd/system/auditd.service.',
    ],
    [
      'unit_file',
      { files: { '/usr/lib/systemd/system-generators/evil': 'x' } },
      'It ships systemd units of its own: /usr/lib/systemd/system-generators/evil.',
    ],
    [
      'sudoers',
      { manifest: { users: [{ name: 'ops', supplementary_groups: ['sudo'] }] } },
      'It lets users run commands with sudo: ops.',
    ],
    [
      'sudoers',
      { manifest: { groups: [{ name: 'sudo', members: ['ops'] }] } },
      'It lets users run commands with sudo: ops of the group sudo.',
    ],
    [
      'sudoers',
      { files: { '/etc/sudoers.d/ops': 'ops ALL=(ALL) NOPASSWD: ALL\n' } },
      'It lets users run commands with sudo: /etc/sudoers.d/ops.',
    ],
    [
      'sudoers',
      { files: { '/etc/sudoers.d': '-> /opt/rules' } },
      'It lets users run commands with sudo: /etc/sudoers.d.',
    ],
    [
      'root_id',
      {
        manifest: {
          users: [
            { name: 'root', home: '/tmp' },
            { name: 'a', primary_group: 'root' },
            { name: 'b', supplementary_groups: ['root'] },
          ],
          groups: [{ name: 'root', members: ['c'] }],
        },
      },
      'It gives the id 0 of root to root, a, b, root.',
    ],
    [
      'root_id',
      { files: { '/etc/passwd': 'toor::0:0::/:/bin/sh\n' } },
      'It gives the id 0 of root to /etc/passwd.',
    ],
    [
      'root_id',
      { files: { '/usr/lib/sysusers.d/x.conf': 'm ops root\n' } },
      'It gives the id 0 of root to /usr/lib/sysusers.d/x.conf.',
    ],
    [
      'unit_file',
      {
        files: {
          '/usr/local/lib/systemd': '-> /opt/systemd',
          '/opt/systemd/system/evil.service': 'x',
        },
      },
      'It ships systemd units of its own: /usr/local/lib/systemd.',
    ],
    [
      'unit_file',
      { files: { '/etc/systemd/system.control': '-> /opt/units' } },
      'It ships systemd units of its own: /etc/systemd/system.control.',
    ],
    [
      'unit_file',
      {
        files: {
          '/etc/systemd/system/evil.service':
            '-> /usr/lib/systemd/system/x?/../../../../../opt/evil.service',
        },
      },
      'It ships systemd units of its own: /etc/systemd/system/evil.service.',
    ],
    [
      'unit_file',
      { files: { '/etc/systemd/system/evil.service': '-> x.service?/../../../../opt/evil' } },
      'It ships systemd units of its own: /etc/systemd/system/evil.service.',
    ],
  ])('is %s: %j', (kind, module, sentence) => {
    expect(list(module)).toEqual([[kind, sentence]]);
  });

  it.each<[string, ModuleOptions, ModuleOptions]>([
    [
      'the commands that a sentence leaves out',
      { manifest: { sudoers: [sudo({ commands: [`/bin/${'a'.repeat(300)}`] })] } },
      { manifest: { sudoers: [sudo({ commands: [`/bin/${'a'.repeat(299)}b`] })] } },
    ],
    [
      'the files that a sentence leaves out',
      { entries: suidFiles('1', '2', '3', '4', '5', '6') },
      { entries: suidFiles('1', '2', '3', '4', '5', '7') },
    ],
    [
      'the user that commands run as',
      { manifest: { sudoers: [sudo({ runas_user: 'www-data' })] } },
      { manifest: { sudoers: [sudo({ runas_user: 'root' })] } },
    ],
    [
      'the password that sudo asks for',
      { manifest: { sudoers: [sudo({})] } },
      { manifest: { sudoers: [sudo({ flags: ['NOPASSWD'] })] } },
    ],
    [
      'what a unit says',
      { manifest: { services: [{ name: 'a', unit_body: '[Service]\n' }] } },
      { manifest: { services: [{ name: 'a', unit_body: '[Service]\nUser=a\n' }] } },
    ],
    [
      'what a unit of its own says',
      { files: { '/etc/systemd/system/a.service': 'x' } },
      { files: { '/etc/systemd/system/a.service': 'y' } },
    ],
    [
      'what a file of sudo says',
      { files: { '/etc/sudoers.d/a': 'x' } },
      { files: { '/etc/sudoers.d/a': 'y' } },
    ],
    [
      'the capabilities of a file',
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { xattrs: { [capability]: 'AQ==' } })] },
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { xattrs: { [capability]: 'Ag==' } })] },
    ],
    [
      'a file that runs as its owner',
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755 })] },
      { entries: [fileEntry('/bin/x', Buffer.from('y'), { mode: 0o4755 })] },
    ],
    [
      'the members of the group of root',
      { manifest: { groups: [{ name: 'root', members: ['a'] }] } },
      { manifest: { groups: [{ name: 'root', members: ['a', 'b'] }] } },
    ],
    [
      'the owner of a file',
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, uid: 33 })] },
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, uid: 0 })] },
    ],
  ])('is a new one when a version changes %s', (_, before, after) => {
    const [was, is] = [list(before), list(after)];
    expect(digests(before)).not.toEqual(digests(after));
    expect(was.map(([kind]) => kind)).toEqual(is.map(([kind]) => kind));
    for (const [, sentence = ''] of [...was, ...is])
      expect(sentence.length).toBeLessThanOrEqual(limits.privilegeLengthMax);
  });

  it.each<[string, ModuleOptions, ModuleOptions]>([
    [
      'the time of a file',
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, mtime: 1 })] },
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, mtime: 2 })] },
    ],
    [
      'the content of a setuid file of packages',
      { files: packaged, entries: [fileEntry('/bin/su', Buffer.from('1'), { mode: 0o4755 })] },
      { files: packaged, entries: [fileEntry('/bin/su', Buffer.from('2'), { mode: 0o4755 })] },
    ],
  ])('is no new one when a version changes %s', (_, before, after) => {
    expect(digests(before)).toEqual(digests(after));
    expect(digests(before)).not.toEqual([]);
  });

  it('is nothing for the links of a merged /usr', () => {
    expect(list({ files: { '/lib': '-> usr/lib', '/bin': '-> usr/bin' } })).toEqual([]);
  });

  it('of an ordinary module is nothing but the code that its packages bring', () => {
    expect(
      list({
        manifest: {
          security: { capabilities: ['CAP_NET_BIND_SERVICE'], privileged: false },
          services: [{ name: 'redis', start_command: '/usr/bin/redis' }],
          users: [{ name: 'redis', uid: 407 }],
        },
        files: packaged,
        entries: [
          fileEntry('/usr/share/mail', Buffer.from('x'), { type: 'directory', mode: 0o2775 }),
        ],
      }),
    ).toEqual([
      [
        'package_code',
        'Its packages bring files that root runs or trusts: /usr/lib/systemd/system/redis.service.',
      ],
    ]);
  });

  it.each<[string, ModuleOptions]>([
    ['unit_file', { files: { '/etc/systemd/system/evil.service': 'x' } }],
    ['unit_file', { files: { '/usr/local/lib/systemd/system/evil.service': 'x' } }],
    ['sudoers', { files: { '/etc/sudoers.d/evil': 'x' } }],
    ['root_id', { files: { '/etc/passwd': 'x' } }],
    ['root_code', { files: { '/etc/ld.so.preload': 'x' } }],
    ['root_code', { files: { '/root/.ssh/authorized_keys': 'x' } }],
    ['root_code', { files: { '/etc/cron.d': '-> /opt/cron' } }],
    [
      'unit_file',
      {
        manifest: { file_spec: ['/usr/lib/systemd/system/own.service'] },
        files: { '/usr/lib/systemd/system/own.service': 'x' },
      },
    ],
  ])('is %s although the layer records packages: %j', (kind, module) => {
    const found = list({ ...module, files: { ...packaged, ...module.files } });
    expect(found.map(([one]) => one)).toEqual([kind, 'package_code']);
  });

  it('of packages changes with what they bring', () => {
    const [other, added] = [
      { ...packaged, '/usr/lib/systemd/system/redis.service': 'y' },
      { ...packaged, '/etc/cron.daily/redis': 'x' },
    ].map((files) => digests({ files }));
    expect(new Set([digests({ files: packaged }), other, added].map(String)).size).toBe(3);
  });

  it.each([
    '/etc/cron.d/x',
    '/etc/cron.daily/x',
    '/etc/crontab',
    '/etc/init.d/x',
    '/etc/rc3.d/S01x',
    '/etc/rc.local',
    '/usr/lib/udev/rules.d/60-x.rules',
    '/etc/polkit-1/rules.d/x.rules',
    '/usr/share/dbus-1/system-services/x.service',
    '/usr/share/dbus-1/system.d/x.conf',
    '/usr/lib/tmpfiles.d/x.conf',
    '/etc/pam.d/sshd',
    '/etc/ld.so.preload',
    '/etc/ld.so.conf.d/x.conf',
    '/etc/profile.d/x.sh',
    '/etc/modules-load.d/x.conf',
    '/etc/modprobe.d/x.conf',
    '/etc/sysctl.d/x.conf',
    '/etc/apt/apt.conf.d/99x',
    '/etc/logrotate.d/x',
    '/etc/ssh/sshd_config.d/x.conf',
    '/root/.ssh/authorized_keys',
    '/root/.bashrc',
  ])('is root_code: %s', (path) => {
    expect(list({ files: { [path]: 'x' } })).toEqual([
      ['root_code', `It ships files that root runs or trusts: ${path}.`],
    ]);
  });

  it.each([
    '/usr/lib/systemd/system-environment-generators/x',
    '/usr/lib/systemd/user-environment-generators/x',
    '/usr/lib/systemd/system-sleep/x',
    '/etc/systemd/system.conf.d/x.conf',
    '/usr/lib/systemd/user/x.service',
  ])('is unit_file: %s', (path) => {
    expect(list({ files: { [path]: 'x' } }).map(([kind]) => kind)).toEqual(['unit_file']);
  });

  it.each([
    '/etc/cron.deny',
    '/etc/default/x',
    '/etc/nginx/nginx.conf',
    '/root/.gitkeep',
    '/usr/lib/systemd/systemd-x',
    '/usr/share/doc/cron.d/x',
    '/opt/etc/cron.d/x',
    '/var/lib/x/root/.ssh/x',
  ])('is nothing for %s', (path) => {
    expect(list({ files: { [path]: 'x' } })).toEqual([]);
  });

  it('is each capability that leads to root, and every unknown one', () => {
    expect(
      list({
        manifest: {
          security: { capabilities: ['CAP_NET_BIND_SERVICE', 'CAP_SYS_ADMIN'] },
          services: [
            { name: 'a', capabilities: ['CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SYS_TIME'] },
            { name: 'b', capabilities: ['CAP_OF_TOMORROW'] },
          ],
        },
      }),
    ).toEqual([
      [
        'strong_capability',
        'Its services have capabilities that lead to the rights of root: CAP_SYS_ADMIN, CAP_SETUID of a, CAP_OF_TOMORROW of b.',
      ],
    ]);
  });
});
