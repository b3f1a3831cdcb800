import { describe, expect, it } from 'vitest';
import { listPrivileges } from '../../../shared/units/index.ts';
import { fileEntry } from '../../support/trees.ts';
import { type ModuleOptions, moduleLayer } from './factory.ts';

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
      'It ships files that run as their owner or group: /usr/bin/su.',
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
      'It ships files with Linux capabilities: /usr/bin/ping.',
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
  ])('is %s: %j', (kind, module, sentence) => {
    expect(list(module)).toEqual([[kind, sentence]]);
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
