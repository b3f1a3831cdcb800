/**
 * Manifests with the forms that Powernode's authors use: the keys, lists, nulls and lengths of each
 * of their modules of May 2026, in words of this project.
 */
const noPins = { ubuntu_digest: null };
const confined = {
  capabilities: [],
  selinux_profile: null,
  apparmor_profile: null,
  seccomp_profile: null,
};
const harmless = { ...confined, egress_allow: [], privileged: false, user_namespace: false };
const onBase = ['powernode/system-base@^1.0'];

type Form = Record<string, unknown>;

function moduleForm(name: string, more: Form): Form {
  return {
    schema_version: 1,
    name,
    display_name: `The module ${name}`,
    description: `What ${name} is for.\n`,
    license: 'Apache-2.0',
    package_spec: [],
    file_spec: [],
    mask: [],
    protected_spec: [],
    reboot_required: false,
    build: noPins,
    ...more,
  };
}

const empty = { dependency_spec: [], skills: [] };

const service = (name: string, start_command: string, more: Form = {}): Form => ({
  name,
  start_command,
  restart_policy: 'always',
  ...more,
});

const httpHealth = (endpoint: string) => ({
  endpoint,
  method: 'GET',
  interval_seconds: 30,
  timeout_seconds: 5,
  initial_delay_seconds: 10,
});
const tcpHealth = (endpoint: string) => ({ ...httpHealth(endpoint), method: 'TCP' });

const webServer = (name: string, packages: string[], binary: string): Form =>
  moduleForm(name, {
    package_spec: packages,
    file_spec: [`/etc/${name}/**`, `/usr/share/${name}/**`, binary, '/lib/systemd/system/**'],
    mask: [`/etc/${name}/sites-enabled/default`, '/var/log/**'],
    dependency_spec: [],
    dependencies: { requires: onBase, provides: ['http.server', 'http.port:80'] },
    init: {
      start: `${binary} -k start`,
      stop: `${binary} -k stop`,
      restart: `${binary} -k restart`,
    },
    security: { ...harmless, capabilities: ['CAP_NET_BIND_SERVICE'] },
  });

const database = (name: string, packages: string[], protects: string[], port: number): Form =>
  moduleForm(name, {
    ...empty,
    package_spec: packages,
    protected_spec: protects,
    services: [
      service(name, `/usr/libexec/${name}/start`, {
        stop_command: `/usr/libexec/${name}/stop`,
        user: 'postgres',
        working_directory: '/var/lib/data',
        env: { DATA: '/var/lib/data', PORT: port, FSYNC: true, RATIO: 0.5 },
        exposed_ports: [{ port, protocol: 'tcp' }],
        capabilities: [],
        health: tcpHealth(`127.0.0.1:${port}`),
        metadata: { tier: 'data' },
      }),
    ],
    security: harmless,
  });

const forms: Form[] = [
  moduleForm('system-base', {
    package_spec: ['systemd', 'systemd-sysv', 'dbus', 'udev', 'openssh-server', 'ca-certificates'],
    file_spec: ['/bin/**', '/etc/**', '/lib/**', '/lib64/**', '/sbin/**', '/usr/**', '/var/**'],
    mask: ['/etc/ssh/ssh_host_*', '/etc/machine-id', '/var/cache/**', '*.pyc'],
    protected_spec: ['/etc/passwd', '/etc/shadow', '/etc/ssh/sshd_config', '/usr/lib/systemd/**'],
    dependencies: { requires: [], provides: ['base.os', 'net.systemd-networkd', 'sshd'] },
    init: { start: '/bin/true', stop: '/bin/true', restart: '/bin/true' },
    security: { ...harmless, privileged: true },
    services: [],
    ...empty,
  }),
  moduleForm('security-hardening', {
    package_spec: ['apparmor', 'auditd', 'libpam-pwquality', 'aide', 'rkhunter'],
    file_spec: ['/etc/apparmor.d/**', '/etc/audit/**', '/etc/security/**', '/etc/sysctl.d/**'],
    protected_spec: ['/etc/audit/auditd.conf', '/etc/security/limits.conf'],
    dependency_spec: [],
    dependencies: {
      requires: onBase,
      provides: ['security.baseline', 'security.apparmor', 'security.audit'],
    },
    init: {
      start: '/usr/sbin/augenrules --load',
      stop: '',
      restart: '/usr/sbin/augenrules --load',
    },
    security: { ...harmless, apparmor_profile: 'unconfined' },
  }),
  moduleForm('chrony', {
    package_spec: ['chrony'],
    file_spec: [
      '/etc/chrony/**',
      '/usr/bin/chronyc',
      '/usr/sbin/chronyd',
      '/usr/lib/tmpfiles.d/chrony.conf',
    ],
    protected_spec: ['/etc/chrony/chrony.conf', '/etc/chrony/chrony.keys'],
    dependency_spec: [],
    dependencies: { requires: onBase, provides: ['time.sync', 'time.ntp-client'] },
    init: { start: '/usr/sbin/chronyd -F 1', stop: '/usr/bin/chronyc shutdown', restart: '' },
    security: { ...harmless, capabilities: ['CAP_SYS_TIME'], egress_allow: ['pool.ntp.org:123'] },
  }),
  webServer('nginx', ['nginx', 'nginx-extras'], '/usr/sbin/nginx'),
  webServer('apache', ['apache2', 'apache2-bin', 'apache2-utils'], '/usr/sbin/apache2'),
  moduleForm('rpi4-firmware', {
    license: 'LicenseRef-firmware',
    file_spec: ['/boot/firmware/**'],
    protected_spec: ['/boot/firmware/config.txt', '/boot/firmware/*.dtb'],
    dependency_spec: [],
    dependencies: { requires: [], provides: ['hardware.rpi4', 'boot.firmware'] },
    reboot_required: true,
    build: { firmware_repo: 'https://git.example.org/firmware', firmware_ref: '1.20260501' },
    security: harmless,
  }),
  moduleForm('powernode-hub-backend', {
    ...empty,
    file_spec: ['/opt/hub/backend/**'],
    protected_spec: ['/opt/hub/backend/config/master.key', '/opt/hub/backend/.env'],
    dependencies: {
      requires: [
        'powernode/powernode-base-ruby@^1.0',
        'powernode/powernode-postgres@^1.0',
        'powernode/powernode-redis@^1.0',
      ],
      provides: ['hub.api'],
    },
    services: [
      service('rails', 'bundle exec puma -C config/puma.rb', {
        user: 'hub',
        working_directory: '/opt/hub/backend',
        env: { RAILS_ENV: 'production' },
        exposed_ports: [{ port: 3000, protocol: 'tcp', name: 'http' }],
        health: httpHealth('/up'),
      }),
    ],
    security: harmless,
  }),
  moduleForm('powernode-hub-worker', {
    ...empty,
    file_spec: ['/opt/hub/worker/**'],
    dependencies: { requires: ['powernode/powernode-hub-backend@^1.0'], provides: [] },
    services: [
      service('sidekiq', 'bundle exec sidekiq', { user: 'hub', env: {}, exposed_ports: [] }),
    ],
    security: harmless,
  }),
  moduleForm('powernode-hub-frontend', {
    ...empty,
    file_spec: ['/opt/hub/frontend/dist/**'],
    dependencies: { requires: ['powernode/powernode-reverse-proxy@^1.0'], provides: ['hub.ui'] },
    services: [],
    security: harmless,
  }),
  moduleForm('powernode-hub-extension-system', {
    ...empty,
    description: 'An extension of the hub, explained at length. '.repeat(160),
    file_spec: ['/opt/hub/extensions/system/**'],
    dependencies: { requires: ['powernode/powernode-hub-backend@^1.0'], provides: [] },
    services: [],
    security: harmless,
  }),
  database(
    'powernode-postgres',
    ['postgresql-16', 'postgresql-contrib', 'postgresql-16-pgvector'],
    ['/etc/postgresql/hub.conf'],
    5432,
  ),
  database(
    'powernode-pg-replica',
    ['postgresql-16', 'postgresql-client-16'],
    ['/etc/postgresql/replica.conf', '/etc/postgresql/pg_hba.conf'],
    5433,
  ),
  database('powernode-redis', ['redis-server'], ['/etc/redis/hub.conf'], 6379),
  moduleForm('powernode-reverse-proxy', {
    ...empty,
    file_spec: ['/usr/local/bin/traefik', '/etc/traefik/traefik.yml', '/etc/traefik/dynamic/**'],
    protected_spec: ['/etc/traefik/traefik.yml'],
    dependencies: { requires: [], provides: ['http.port:80', 'http.port:443'] },
    services: [
      service('traefik', '/usr/local/bin/traefik --configFile=/etc/traefik/traefik.yml', {
        restart_policy: 'on-failure',
        capabilities: ['CAP_NET_BIND_SERVICE'],
        exposed_ports: [
          { port: 80, protocol: 'tcp' },
          { port: 443, protocol: 'udp', name: 'quic' },
        ],
        health: httpHealth('/ping'),
      }),
    ],
    security: { ...harmless, capabilities: ['CAP_NET_BIND_SERVICE'] },
  }),
  moduleForm('powernode-log-forwarder', {
    package_spec: ['vector'],
    file_spec: ['/etc/vector/**', '/usr/bin/vector'],
    dependency_spec: ['/etc/vector/upstream.toml', '/etc/vector/conf.d/**'],
    services: [service('vector', '/usr/bin/vector --config /etc/vector/vector.toml')],
    skills: [],
    security: { ...harmless, capabilities: ['CAP_DAC_READ_SEARCH'] },
  }),
  moduleForm('powernode-node-exporter', {
    package_spec: ['prometheus-node-exporter'],
    file_spec: ['/usr/bin/prometheus-node-exporter'],
    dependencies: { requires: onBase, provides: ['metrics.port:9100'] },
    services: [
      service('node-exporter', '/usr/bin/prometheus-node-exporter', {
        exposed_ports: [{ port: 9100, protocol: 'tcp' }],
        health: httpHealth('/metrics'),
      }),
    ],
    security: harmless,
    ...empty,
  }),
  moduleForm('powernode-storage-tools', {
    package_spec: ['lvm2', 'cryptsetup', 'xfsprogs', 'nfs-common', 'cifs-utils'],
    dependencies: { requires: onBase, provides: ['storage.tools'] },
    services: [],
    security: { ...harmless, capabilities: ['CAP_SYS_ADMIN'] },
    ...empty,
  }),
  moduleForm('powernode-base-ruby', {
    package_spec: [
      'ruby',
      'ruby-dev',
      'bundler',
      'libpq5',
      'libyaml-0-2',
      'libffi8',
      'libjemalloc2',
      'tzdata',
    ],
    dependencies: { requires: onBase, provides: ['runtime.ruby'] },
    services: [],
    security: harmless,
    ...empty,
  }),
  moduleForm('my-module', {
    package_spec: [],
    file_spec: ['/etc/my-module/**'],
    dependencies: { requires: [], provides: [] },
    init: {},
    dependency_spec: [],
    skills: [],
  }),
];

/** Keys that came later, each in a manifest that uses little else. */
const later: Form[] = [
  moduleForm('runtime-ruby', {
    category: 'language-runtime',
    dependencies: {
      requires: [
        'capability:base-os.ubuntu',
        'capability:os.userland@>= 24.04',
        'capability:tls@~> 1.0',
      ],
      provides: ['ruby@3.4.7', 'ruby.abi@3.4.0'],
    },
    carve_waivers: ['/usr/share/doc/**', '/usr/share/man/**'],
    build: { ...noPins, apt_snapshot: 'none', ruby_version: '3.4.7' },
    verify: { probes: [{ name: 'ruby', command: 'ruby', resolves_to: '/usr/local/bin/ruby' }] },
  }),
  moduleForm('sdwan-overlay', {
    category: 'networking-proxy',
    dependencies: { requires: ['system-base', 'powernode/chrony'], provides: [] },
    protected_spec: ['/etc/frr/**'],
    services: [
      {
        name: 'keys',
        unit_body:
          '[Unit]\nDescription=Keys\n\n[Service]\nType=oneshot\nExecStart=/usr/libexec/keys\n',
      },
      service('frr', '/usr/lib/frr/watchfrr', {
        dependencies: [{ service: 'keys', kind: 'start_before' }],
      }),
      service('agent', '/usr/bin/sdwan', {
        dependencies: [{ service: 'frr' }, { service: 'keys', kind: 'softdep' }],
      }),
    ],
    users: [
      {
        name: 'frr',
        home: '/var/lib/frr',
        shell: '/usr/sbin/nologin',
        supplementary_groups: ['frrvty'],
      },
    ],
    groups: [{ name: 'frr' }, { name: 'frrvty', members: ['frr'] }],
    security: { ...harmless, egress_allow: ['0.0.0.0/0', 'hub.example.org'] },
  }),
  {
    schema_version: 1,
    name: 'operator-break-glass',
    users: [
      {
        name: 'operator',
        uid: 1900,
        primary_gid: 1900,
        primary_group: 'operator',
        gecos: 'Break glass',
      },
    ],
    groups: [{ name: 'operator', gid: 1900 }],
    sudoers: [
      { id: 'all', user: 'operator', commands: ['ALL'], runas: 'ALL', flags: ['NOPASSWD'] },
    ],
  },
];

export const powernodeManifests: ReadonlyMap<string, Form> = new Map(
  [...forms, ...later].map((form) => [form.name as string, form]),
);

/** How many of them are of May 2026. */
export const powernodeManifestsOfMay = forms.length;
