import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  compareEffects,
  listEffects,
  type ModuleManifest,
} from '../../../shared/domain/modules/index.ts';
import { moduleManifestSchema } from '../../../shared/manifest/schema.ts';
import { manifestOf } from '../../support/manifests.ts';

const effectsOf = (more: Partial<ModuleManifest>) =>
  listEffects(manifestOf('a', more)).map(({ name, value }) => `${name}: ${value}`);

describe('the effects of a manifest', () => {
  test('are none for files and packages alone', () => {
    const more = { file_spec: ['/a'], package_spec: ['nginx'], reboot_required: false };
    const security = { privileged: false, apparmor_profile: null, capabilities: [] };
    expect(effectsOf({ ...more, services: [], init: {}, skills: [], security })).toEqual([]);
  });

  test('have one line for each thing that is done to machines', () => {
    const { shape } = moduleManifestSchema;
    const example = <Key extends keyof ModuleManifest & keyof typeof shape>(key: Key) => {
      const [first] = (shape[key].meta()?.examples ?? []) as unknown[];
      return { [key]: first } as Pick<ModuleManifest, Key>;
    };
    const more = {
      ...example('services'),
      ...example('init'),
      ...example('jobs'),
      ...example('users'),
      ...example('groups'),
      ...example('sudoers'),
      ...example('verify'),
      ...example('skills'),
      ...example('dependency_spec'),
      security: {
        privileged: true,
        capabilities: ['CAP_NET_ADMIN'],
        apparmor_profile: 'a',
        selinux_profile: null,
        egress_allow: ['a.example:443', 'b.example'],
        user_namespace: true,
      },
      reboot_required: true,
      build: { go_version: '1.26.8', ubuntu_digest: null },
    };

    expect(effectsOf(more)).toEqual([
      'privileged: yes',
      'capabilities: CAP_NET_ADMIN',
      'AppArmor profile: a',
      'user namespace: its own',
      'may connect to: a.example:443, b.example',
      'service nginx: /usr/sbin/nginx -g "daemon off;", stopped by /usr/sbin/nginx -s quit, as www-data, in /var/www, ' +
        'port 80/tcp (http), CAP_NET_BIND_SERVICE, health GET /healthz every 30 s, restart on-failure, ' +
        'start_before certificates, with TZ=UTC',
      expect.stringMatching(/^service certificates: a unit of 6 lines, sha256 [0-9a-f]{12}$/),
      'init start: /usr/sbin/nginx',
      'init stop: /usr/sbin/nginx -s quit',
      'init restart: /usr/sbin/nginx -s reload',
      'job rotate-logs: /usr/libexec/my-nginx/rotate-logs',
      'user www-data: uid 33, gid 33, group www-data, also in ssl-cert, home /var/www, shell /usr/sbin/nologin, web server',
      'group ssl-cert: gid 105, members www-data',
      'sudo reload: deploy as root:root: /usr/sbin/nginx -s reload, NOPASSWD',
      'check nginx: nginx is /usr/sbin/nginx',
      'reboot: a new version needs one',
      'children ship: /etc/nginx/conf.d/**',
      'skills: 1',
      'build pins: go_version 1.26.8',
    ]);
  });

  test('stay on one line of bounded length, and few enough to read', () => {
    const start_command = `/bin/a\n\u001b[31mred\t${'x'.repeat(limits.effectLengthMax)}`;
    const [service] = effectsOf({ services: [{ name: 'a', start_command }] });
    expect(service).toMatch(/^service a: \/bin\/a \[31mred x+…$/);

    const users = Array.from({ length: 150 }, (_, i) => ({ name: `u${i}`, uid: i }));
    const all = effectsOf({ users });
    expect(all).toHaveLength(limits.effectsMax + 1);
    expect(all.at(-1)).toBe('more: 50 effects are not shown');
  });

  test('show that the body of a unit changed', () => {
    const unit = (unit_body: string) =>
      listEffects(manifestOf('a', { services: [{ name: 'a', unit_body }] }));
    const changes = compareEffects(unit('[Unit]\nA=1\n'), unit('[Unit]\nA=2\n'));
    expect(changes).toEqual([
      { name: 'service a', was: expect.any(String), now: expect.any(String) },
    ]);
  });
});
