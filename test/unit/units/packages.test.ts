import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../../shared/manifest/index.ts';
import { base, type Files, generate, type ModuleOptions } from './factory.ts';

/** What the package redis-server of Debian 12 leaves in a root. */
const redis: Files = {
  '/usr/lib/systemd/system/redis-server.service': '[Service]\nExecStart=/usr/bin/redis-server\n',
  '/etc/systemd/system/redis.service': '-> /lib/systemd/system/redis-server.service',
  '/etc/systemd/system/multi-user.target.wants/redis-server.service':
    '-> /lib/systemd/system/redis-server.service',
};
const merged: Files = { ...base, '/lib': '-> usr/lib' };
const api = { name: 'api', start_command: '/usr/bin/env' };

const conflict = (modules: ModuleOptions[]) => () => generate(modules, { base: merged });

describe('a service whose unit is a package’s', () => {
  it('is managed by a drop-in, under its own name', () => {
    const yaml = readFileSync('examples/modules/my-redis/manifest.yaml', 'utf8');
    const { manifest } = parseManifest(yaml);
    const { services, text, entries } = generate(
      [{ account: 'powernode', module: 'my-redis', manifest, files: redis }],
      { account: 'powernode', base: merged },
    );

    expect(services).toMatchObject([
      { unit: 'gantry-my-redis:redis-certificates.service', managed: 'generated', after: [] },
      {
        unit: 'redis-server.service',
        aliases: ['redis.service'],
        managed: 'drop-in',
        files: [
          '/usr/lib/systemd/system/redis-server.service',
          '/usr/lib/systemd/system/redis-server.service.d/zz-gantry.conf',
        ],
        after: ['gantry-my-redis:redis-certificates.service'],
        health: { kind: 'tcp', host: '127.0.0.1', port: 6379, interval_s: 30, timeout_s: 5 },
      },
    ]);
    expect(text('/usr/lib/systemd/system/redis-server.service.d/zz-gantry.conf')).toBe(
      `# Made by Gantry from a manifest. Changes are lost.

[Unit]
After=gantry-my-redis:redis-certificates.service
Requires=gantry-my-redis:redis-certificates.service

[Service]
CapabilityBoundingSet=
`,
    );
    // The package enables it already.
    expect(entries.map(({ path }) => path)).not.toContain(
      '/usr/lib/systemd/system/multi-user.target.wants/redis-server.service',
    );
  });

  it('is started where the package does not', () => {
    const { entries } = generate(
      [
        {
          manifest: { services: [{ name: 'redis-server' }] },
          files: { '/usr/lib/systemd/system/redis-server.service': '[Service]\n' },
        },
      ],
      { base: merged },
    );
    expect(entries.filter(({ type }) => type !== 'directory')).toMatchObject([
      {
        path: '/usr/lib/systemd/system/multi-user.target.wants/redis-server.service',
        target: '../redis-server.service',
      },
    ]);
  });

  it('is listed where no manifest declares it', () => {
    const { services, entries } = generate([{ files: redis }], { base: merged });
    expect(services).toMatchObject([
      {
        unit: 'redis-server.service',
        module: 'web',
        managed: 'package',
        aliases: ['redis.service'],
      },
    ]);
    expect(entries).toEqual([]);
  });

  it('is named in a warning where the root lacks the unit', () => {
    const { services, warnings } = generate([{ manifest: { services: [{ name: 'gone' }] } }]);
    expect(services).toEqual([]);
    expect(warnings).toEqual([
      'acme/web declares the service gone without a start_command, and the root has no gone.service: nothing starts it',
    ]);
  });
});

describe('two starters of one service', () => {
  it.each<[string, ModuleOptions[]]>([
    [
      'two manifests that manage one unit',
      [
        { manifest: { services: [{ name: 'redis-server' }] }, files: redis },
        { module: 'b', manifest: { services: [{ name: 'redis' }] } },
      ],
    ],
    [
      'a start_command beside the enabled unit of a package',
      [{ manifest: { services: [{ ...api, name: 'redis-server' }] }, files: redis }],
    ],
    [
      'a start_command under another name of that unit',
      [{ files: redis }, { module: 'b', manifest: { services: [{ ...api, name: 'redis' }] } }],
    ],
    [
      'a start_command beside a unit that another manifest manages',
      [
        {
          manifest: { services: [{ name: 'x' }] },
          files: { '/usr/lib/systemd/system/x.service': '[Service]\n' },
        },
        { module: 'b', manifest: { services: [{ ...api, name: 'x' }] } },
      ],
    ],
  ])('conflict: %s', (_, modules) => {
    expect(conflict(modules)).toThrow(expect.objectContaining({ code: 'service_conflict' }));
  });

  it('are named', () => {
    expect(
      conflict([
        { manifest: { services: [{ name: 'redis-server' }] }, files: redis },
        { module: 'b', manifest: { services: [{ name: 'redis' }] } },
      ]),
    ).toThrow(
      'expected one starter of redis, found the service redis of acme/b and the service redis-server of acme/web. Rename one, leave start_command out to manage the package’s unit, or remove one of the modules'.replace(
        '’',
        "'",
      ),
    );
  });

  it('are not two modules that each have a service of one name: neither gets the short name', () => {
    const { services, warnings } = generate([
      { manifest: { services: [api] } },
      { module: 'b', manifest: { services: [api] } },
    ]);
    expect(services.map(({ unit, aliases }) => [unit, aliases])).toEqual([
      ['gantry-b:api.service', []],
      ['gantry-web:api.service', []],
    ]);
    expect(warnings).toEqual([
      'gantry-web:api.service and gantry-b:api.service would both be api.service, so none is',
    ]);
  });
});
