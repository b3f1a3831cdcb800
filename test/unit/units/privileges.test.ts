import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import type { ManifestSudo } from '../../../shared/domain/modules/index.ts';
import { listPrivileges } from '../../../shared/units/index.ts';
import { fileEntry } from '../../support/trees.ts';
import { type ModuleOptions, moduleLayer } from './factory.ts';

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
      'unit_file',
      {
        manifest: { file_spec: ['/usr/lib/systemd/system/own.service'] },
        files: {
          '/var/lib/dpkg/status.d/redis': 'Package: redis\n',
          '/usr/lib/systemd/system/own.service': 'x',
          '/usr/lib/systemd/system/redis.service': 'x',
        },
      },
      'It ships systemd units of its own: /usr/lib/systemd/system/own.service.',
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
      'the owner of a file',
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, uid: 33 })] },
      { entries: [fileEntry('/bin/x', Buffer.from('x'), { mode: 0o4755, uid: 0 })] },
    ],
  ])('is a new one when a version changes %s', (_, before, after) => {
    const [[, was = ''] = [], [, is = ''] = []] = [...list(before), ...list(after)];
    expect(was).not.toBe(is);
    expect(Math.max(was.length, is.length)).toBeLessThanOrEqual(limits.privilegeLengthMax);
  });

  it('is nothing for the links of a merged /usr', () => {
    expect(list({ files: { '/lib': '-> usr/lib', '/bin': '-> usr/bin' } })).toEqual([]);
  });

  it('is nothing of an ordinary module with a package’s units', () => {
    expect(
      list({
        manifest: {
          security: { capabilities: ['CAP_NET_BIND_SERVICE'], privileged: false },
          services: [{ name: 'redis', start_command: '/usr/bin/redis' }],
          users: [{ name: 'redis', uid: 407 }],
        },
        files: {
          '/var/lib/dpkg/status.d/redis': 'Package: redis\n',
          '/usr/lib/systemd/system/redis.service': 'x',
          '/etc/systemd/system/multi-user.target.wants/redis.service':
            '-> /usr/lib/systemd/system/redis.service',
        },
        entries: [
          fileEntry('/usr/share/mail', Buffer.from('x'), { type: 'directory', mode: 0o2775 }),
        ],
      }),
    ).toEqual([]);
  });
});
