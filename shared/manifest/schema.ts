import { z } from 'zod';
import { slugSchema } from '../base/slug.ts';
import type { ModuleManifest } from '../domain/modules/index.ts';
import { build } from './schema/build.ts';
import { jobs, verify } from './schema/checks.ts';
import { dependencies } from './schema/dependencies.ts';
import { glob, key, list, moduleReference, title } from './schema/field.ts';
import { debianPackage } from './schema/files.ts';
import { security } from './schema/security.ts';
import { init, services } from './schema/services.ts';
import { groups, sudoers, users } from './schema/users.ts';

/**
 * The canonical, flat form of a module manifest: the single source of truth.
 * `module-manifest.schema.json` is generated from it (npm run generate).
 */
export const moduleManifestSchema = z
  .strictObject({
    schema_version: z
      .literal(1)
      .default(1)
      .meta({
        description: 'Version of this format. Missing means 1, with a warning.',
        examples: [1],
      }),
    name: slugSchema.meta({
      description: "The module's name, unique in its account, as it is registered.",
      examples: ['my-nginx'],
    }),
    display_name: title(200)
      .optional()
      .meta({
        description: 'The name that people are shown.',
        examples: ['nginx 1.26 with TLS hardening'],
      }),
    description: z
      .string()
      .max(16_000, 'expected at most 16000 characters')
      .optional()
      .meta({
        description: 'What the module is for.',
        examples: ['nginx with TLS hardening and a /healthz endpoint'],
      }),
    license: title(16_000)
      .optional()
      .meta({ description: 'SPDX licence expression.', examples: ['BSD-2-Clause'] }),
    category: key(
      slugSchema,
      'The category that the module is written for. The registration decides; a different one there draws a warning.',
      'userland',
    ),
    package_spec: list(
      debianPackage,
      'Debian packages that the build installs: name, name:architecture or name=version.',
      ['nginx', 'nginx-extras'],
    ),
    file_spec: list(glob, 'rsync globs of the files that the module ships from rootfs/.', [
      '/etc/nginx/**',
      '/var/www/healthz/**',
    ]),
    mask: list(
      glob,
      'rsync globs of files that are left out, from rootfs/ and from packages. Never affects other modules.',
      ['/etc/nginx/sites-enabled/default', '*.bak'],
    ),
    protected_spec: list(glob, 'rsync globs of shipped files that no other module may ship.', [
      '/etc/nginx/conf.d/00-security.conf',
    ]),
    dependency_spec: key(
      z.array(glob),
      'rsync globs that a module with this one as its parent ships from its own rootfs/ if it has no file_spec.',
      ['/etc/nginx/conf.d/**'],
    ),
    carve_waivers: key(
      z.array(glob),
      'rsync globs of package files that a carved build leaves out without a warning.',
      ['/usr/share/doc/***'],
    ),
    dependencies,
    parent_module: moduleReference.optional().meta({
      description: 'The module whose configuration this one overrides, as it is registered.',
      examples: ['powernode/nginx'],
    }),
    init: key(init, 'Commands of the older form that start, stop and restart the module.', {
      start: '/usr/sbin/nginx',
      stop: '/usr/sbin/nginx -s quit',
      restart: '/usr/sbin/nginx -s reload',
    }),
    services: key(
      services,
      'Processes that machines keep running, each with a name of its own.',
      servicesExample(),
    ),
    jobs: key(jobs, 'Commands of the module that operators and schedules may run on machines.', [
      { name: 'rotate-logs', path: '/usr/libexec/my-nginx/rotate-logs', arguments: false },
    ]),
    reboot_required: key(
      z.boolean(),
      'True if a new version takes effect at the next boot only.',
      false,
    ),
    security: key(security, 'What the processes of the module may do. A profile of null is none.', {
      capabilities: ['CAP_NET_BIND_SERVICE'],
      selinux_profile: null,
      apparmor_profile: 'my-nginx',
      seccomp_profile: null,
      egress_allow: ['ocsp.example.org:443'],
      privileged: false,
      user_namespace: false,
    }),
    users: key(users, 'Users that the module needs, each with a name of its own.', [
      {
        name: 'www-data',
        uid: 33,
        primary_gid: 33,
        primary_group: 'www-data',
        shell: '/usr/sbin/nologin',
        home: '/var/www',
        gecos: 'web server',
        supplementary_groups: ['ssl-cert'],
      },
    ]),
    groups: key(groups, 'Groups that the module needs, each with a name of its own.', [
      { name: 'ssl-cert', gid: 105, members: ['www-data'] },
    ]),
    sudoers: key(
      sudoers,
      'Commands that a user may run as another one, each entry with an id of its own. runas is the shorter word for runas_user.',
      [
        {
          id: 'reload',
          user: 'deploy',
          commands: ['/usr/sbin/nginx -s reload'],
          runas: 'root',
          runas_user: 'root',
          runas_group: 'root',
          flags: ['NOPASSWD'],
        },
      ],
    ),
    verify: key(
      verify,
      'Commands that login shells and other shells of a machine must find at a path.',
      { probes: [{ name: 'nginx', command: 'nginx', resolves_to: '/usr/sbin/nginx' }] },
    ),
    skills: key(z.array(z.unknown()), 'Skills of Powernode’s assistants, of any form.', [
      { name: 'reload-nginx' },
    ]),
    build: key(
      build,
      'Pins that the build scripts of the module’s own repository read. null inherits the script’s default.',
      buildExample(),
    ),
  })
  .meta({ title: 'Gantry module manifest' }) satisfies z.ZodType<ModuleManifest>;

function servicesExample(): z.input<typeof services> {
  return [
    {
      name: 'nginx',
      start_command: '/usr/sbin/nginx -g "daemon off;"',
      stop_command: '/usr/sbin/nginx -s quit',
      restart_policy: 'on-failure',
      user: 'www-data',
      working_directory: '/var/www',
      env: { TZ: 'UTC' },
      exposed_ports: [{ port: 80, protocol: 'tcp', name: 'http' }],
      capabilities: ['CAP_NET_BIND_SERVICE'],
      health: {
        endpoint: '/healthz',
        method: 'GET',
        interval_seconds: 30,
        timeout_seconds: 5,
        initial_delay_seconds: 10,
      },
      metadata: { owner: 'web team' },
      dependencies: [{ service: 'certificates', kind: 'start_before' }],
    },
    {
      name: 'certificates',
      unit_body:
        '[Unit]\nDescription=Make local certificates once\n\n[Service]\nType=oneshot\nExecStart=/usr/libexec/my-nginx/certificates\n',
    },
  ];
}

function buildExample(): z.input<typeof build> {
  return {
    ubuntu_digest: null,
    apt_snapshot: '20261130T120000Z',
    firmware_repo: 'https://git.example.org/firmware.git',
    firmware_ref: 'v1.20261101',
    k3s_version: 'v1.34.1+k3s1',
    gitleaks_version: '8.28.0',
    gh_version: '2.83.1',
    go_version: '1.26.8',
    claude_code_version: '2.0.50',
    ruby_version: '3.4.7',
    node_version: '24.11.1',
    act_runner_version: '0.2.13',
    grok_version: '1.0.0',
    vault_version: '1.21.1',
  };
}

export type { ModuleManifest };

/** The JSON Schema of manifests for editors: the flat form that an author may write. */
export function moduleManifestJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(moduleManifestSchema, { io: 'input' }) };
}
