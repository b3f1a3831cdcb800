import { describe, expect, it } from 'vitest';
import type { ManifestHealth } from '../../../shared/domain/modules/index.ts';
import { generate } from './factory.ts';

const api = { name: 'api', start_command: '/usr/bin/env -i "a b"' };

describe('the unit of a declared service', () => {
  it('is named by module and service, and started by the machine', () => {
    const { services, entries, text } = generate([{ manifest: { services: [api] } }]);

    expect(services.map(({ unit, aliases, managed }) => ({ unit, aliases, managed }))).toEqual([
      { unit: 'gantry-web:api.service', aliases: ['api.service'], managed: 'generated' },
    ]);
    expect(text('/usr/lib/systemd/system/gantry-web:api.service')).toBe(
      `# Made by Gantry from a manifest. Changes are lost.

[Unit]
Description=api of acme/web
After=network.target

[Service]
Type=exec
ExecStart=/usr/bin/env -i "a b"
Restart=on-failure
RestartSec=5s
CapabilityBoundingSet=
`,
    );
    expect(entries.filter(({ type }) => type === 'symlink')).toMatchObject([
      { path: '/usr/lib/systemd/system/api.service', target: 'gantry-web:api.service' },
      {
        path: '/usr/lib/systemd/system/multi-user.target.wants/gantry-web:api.service',
        target: '../gantry-web:api.service',
      },
    ]);
  });

  it('has the account in its name when the module is another account’s', () => {
    const { services } = generate([{ account: 'other', manifest: { services: [api] } }]);
    expect(services[0]?.unit).toBe('gantry-other:web:api.service');
  });

  it('says what the manifest says, sorted and quoted', () => {
    const { text } = generate([
      {
        manifest: {
          security: { capabilities: ['CAP_SETUID'], apparmor_profile: 'web', user_namespace: true },
          services: [
            {
              ...api,
              stop_command: 'true --now',
              restart_policy: 'always',
              user: 'www-data',
              working_directory: '/srv/100%',
              env: { B: 'per cent % and $', A: 1, GONE: null },
              capabilities: ['CAP_NET_BIND_SERVICE'],
            },
          ],
        },
      },
    ]);

    expect(text('/usr/lib/systemd/system/gantry-web:api.service').split('[Service]\n')[1]).toBe(
      `Type=exec
User=www-data
Group=www-data
WorkingDirectory=/srv/100%%
Environment=A=1
Environment="B=per cent %% and $"
ExecStart=/usr/bin/env -i "a b"
ExecStop=/usr/bin/true --now
Restart=always
RestartSec=5s
CapabilityBoundingSet=
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID
AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_SETUID
PrivateUsers=yes
AppArmorProfile=web
`,
    );
  });
});

describe('a service that no unit can say', () => {
  const declare = (more: object, security = {}) =>
    generate([{ manifest: { security, services: [{ ...api, ...more }] } }]);

  it.each([
    { start_command: '/usr/bin/env a\nExecStartPre=/bin/evil' },
    { start_command: '+/usr/bin/env' },
    { start_command: '"!!/usr/bin/env"' },
    { start_command: '-/usr/bin/env' },
    { start_command: '@env' },
    { start_command: 'bin/env' },
    { start_command: '/usr/bin/../../evil' },
    { start_command: '/usr/bin/$HOME' },
    { start_command: '/usr/bin/' },
    { start_command: 'no-such-command' },
    { start_command: "/usr/bin/env 'open" },
    { start_command: '/usr/bin/env \\' },
    { start_command: ' ' },
    { start_command: '/usr/bin/env \ud800' },
    { start_command: '/usr/bin/env \uffff' },
    { stop_command: '+/bin/sh' },
    { working_directory: 'srv' },
    { working_directory: '/srv/../etc' },
    { working_directory: '/srv\nUser=root' },
    { working_directory: '/srv ' },
    { name: '../../../etc/cron.d/x' },
    { name: 'a\nb' },
    { user: 'a b' },
    { user: '../x' },
    { env: { A: 'a\nb' } },
    { env: { 'A B': 'x' } },
    { env: { '1A': 'x' } },
    { start_command: undefined, unit_body: '[Unit]\nDescription=x\n' },
    { start_command: undefined, unit_body: '[Service]\n\0' },
  ])('is refused: %j', (more) => {
    expect(() => declare(more)).toThrow(expect.objectContaining({ code: 'service_invalid' }));
  });

  it.each([
    { apparmor_profile: 'a b' },
    { apparmor_profile: 'a\nb' },
    { selinux_profile: 'a b' },
    { seccomp_profile: '/etc/seccomp.json' },
    { seccomp_profile: '@system-service\nUser=root' },
  ])('is refused for its profile: %j', (security) => {
    expect(() => declare({}, security)).toThrow(
      expect.objectContaining({ code: 'service_invalid' }),
    );
  });

  it('may connect to the addresses of egress_allow, with a warning of ports', () => {
    const { warnings, text } = declare({}, { egress_allow: ['10.0.0.0/8', '[2001:db8::1]:443'] });
    expect(text('/usr/lib/systemd/system/gantry-web:api.service')).toContain(
      'IPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.0/8 2001:db8::1\n',
    );
    expect(warnings).toEqual([
      'egress_allow opens every port of [2001:db8::1]:443 to the service api of acme/web, because the filter of systemd knows no ports. Limit them in the network',
    ]);
  });

  it.each([
    [{ egress_allow: ['pool.ntp.org:123'] }, {}, 'pool.ntp.org:123 is no address'],
    [{ egress_allow: ['10.0.0.0/33'] }, {}, '10.0.0.0/33 is no address'],
    [
      { egress_allow: ['10.0.0.0/8'] },
      { exposed_ports: [{ port: 80, protocol: 'tcp' }] },
      'it exposes ports, and the filter of systemd would also drop who connects to them',
    ],
  ])('is open to all addresses with a warning: %j %j', (security, more, why) => {
    const { warnings, text } = declare(more, security);
    expect(warnings).toEqual([
      `egress_allow does not limit the service api of acme/web: ${why}. Limit it in the network`,
    ]);
    expect(text('/usr/lib/systemd/system/gantry-web:api.service')).not.toContain('IPAddress');
  });
});

describe('the older form', () => {
  it('is one unit that runs the start command once', () => {
    const { services, text } = generate([
      { manifest: { init: { start: '/usr/bin/true a', stop: 'true', restart: 'true -r' } } },
    ]);
    expect(services).toMatchObject([{ unit: 'gantry-web:init.service', aliases: [] }]);
    expect(text('/usr/lib/systemd/system/gantry-web:init.service')).toContain(`
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/true a
ExecStop=/usr/bin/true
ExecReload=/usr/bin/true -r
CapabilityBoundingSet=
`);
  });

  it('gives way to declared services', () => {
    const { services, warnings } = generate([
      { manifest: { init: { start: '/usr/bin/true' }, services: [api] } },
    ]);
    expect(services.map(({ service }) => service)).toEqual(['api']);
    expect(warnings).toEqual(['acme/web declares services, so its init is not used']);
  });
});

describe('the health check of a service', () => {
  const ports = [
    { port: 53, protocol: 'udp' as const },
    { port: 8080, protocol: 'tcp' as const },
  ];

  it.each<[ManifestHealth, object | null]>([
    [
      { endpoint: '/healthz' },
      { kind: 'http', method: 'GET', url: 'http://127.0.0.1:8080/healthz' },
    ],
    [
      { endpoint: 'https://x.example/y', method: 'POST' },
      { method: 'POST', url: 'https://x.example/y' },
    ],
    [{ endpoint: ':81/x' }, { url: 'http://127.0.0.1:81/x' }],
    [{ endpoint: '127.0.0.1:81' }, { url: 'http://127.0.0.1:81/' }],
    [{ method: 'TCP' }, { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    [
      { method: 'TCP', endpoint: '[::1]:81' },
      { kind: 'tcp', host: '::1', port: 81 },
    ],
    [
      { method: 'TCP', endpoint: ':81' },
      { kind: 'tcp', host: '127.0.0.1', port: 81 },
    ],
    [{ method: 'TCP', endpoint: '/x' }, null],
    [{ endpoint: 'a b' }, null],
  ])('is read from %j', (health, expected) => {
    const { services } = generate([
      { manifest: { services: [{ ...api, exposed_ports: ports, health }] } },
    ]);
    if (expected === null) expect(services[0]?.health).toBeNull();
    else expect(services[0]?.health).toMatchObject(expected);
  });
});
