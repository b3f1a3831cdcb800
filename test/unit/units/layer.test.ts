import { describe, expect, it } from 'vitest';
import { isReserved, listNeededFiles, unitLayers } from '../../../shared/units/index.ts';
import { layer } from '../composition/factory.ts';
import { generate, moduleLayer } from './factory.ts';

describe('the input of the generated layer', () => {
  it('needs the databases of users and what builds recorded', () => {
    const { input } = generate([
      {
        files: {
          '/usr/lib/sysusers.d/00-gantry-web.conf': 'g web 450\n',
          '/usr/lib/sysusers.d/dbus.conf': 'u messagebus -\n',
          '/var/lib/dpkg/status.d/web': 'Package: web\n',
        },
      },
    ]);

    expect(listNeededFiles(input)).toEqual([
      '/etc/group',
      '/etc/gshadow',
      '/etc/passwd',
      '/etc/shadow',
      '/usr/lib/sysusers.d/00-gantry-web.conf',
      '/var/lib/dpkg/status.d/web',
    ]);
  });

  it('has the layers without what protection drops', () => {
    const { manifest } = moduleLayer({});
    const layers = [layer('acme/web', 90, ['/etc/a', '/etc/b']), layer('acme/old', 90, ['/etc/c'])];
    const effective_masks = new Map([['acme/web', ['/etc/a']]]);

    const made = unitLayers({ layers, effective_masks }, new Map([['acme/web', manifest]]));

    expect(made).toHaveLength(1);
    expect(made[0]?.entries.map(({ path }) => path)).toEqual(['/', '/etc', '/etc/b']);
  });
});

describe('reserved paths', () => {
  it.each([
    '/etc/systemd/system/gantry-web:api.service',
    '/run/systemd/system/gantry-web:api.service.d/x.conf',
    '/usr/local/lib/systemd/system/gantry-.service.d/x.conf',
    '/usr/lib/systemd/system/multi-user.target.wants/gantry-web:api.service',
    '/usr/lib/systemd/system/redis.service.d/zz-gantry.conf',
    '/etc/sudoers.d/gantry-web-reload',
    '/etc/tmpfiles.d/zz-gantry.conf',
  ])('are refused in modules: %s', (path) => {
    expect(isReserved(path)).toBe(true);
    expect(() => generate([{ files: { [path]: 'text' } }])).toThrow(
      expect.objectContaining({ code: 'generated_path_conflict', field: path }),
    );
  });

  it.each([
    '/etc/systemd/system/web.service',
    '/usr/lib/systemd/system/gantry-agent.service',
    '/usr/lib/systemd/system/timers.target.wants/gantry-agent.timer',
    '/etc/systemd/system/redis.service.d/10-limits.conf',
    '/usr/lib/gantry-web/systemd/system/a.service',
    '/etc/sudoers.d/web',
  ])('leave others alone: %s', (path) => {
    expect(isReserved(path)).toBe(false);
    expect(generate([{ files: { [path]: 'text' } }]).entries).toEqual([]);
  });
});
