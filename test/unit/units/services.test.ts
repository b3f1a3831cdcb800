import { describe, expect, it } from 'vitest';
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
