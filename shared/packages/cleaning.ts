import { compileGlob, GlobMatcher } from '../files/index.ts';

/**
 * What of a built tree never ships, with the reason. Maintainer scripts, mmdebstrap and the host
 * leave these behind; a machine makes its own.
 */
const unshipped = {
  'what identifies one machine': [
    '/etc/machine-id',
    '/var/lib/dbus/machine-id',
    '/etc/ssh/ssh_host_*',
    '/etc/ssl/private/ssl-cert-snakeoil.key',
    '/etc/ssl/certs/ssl-cert-snakeoil.pem',
    '/var/lib/systemd/random-seed',
    '/var/lib/systemd/credential.secret',
  ],
  'what the build host wrote': [
    '/etc/hostname',
    '/etc/resolv.conf',
    '/etc/.resolv.conf.systemd-resolved.bak',
    '/etc/fstab',
    '/etc/apt/sources.list',
    '/etc/apt/apt.conf.d/99mmdebstrap',
    '/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  ],
  'file systems of a running machine': ['/dev/**', '/proc/**', '/run/**', '/sys/**'],
  'temporary files and the state of apt': [
    '/tmp/**',
    '/var/tmp/**',
    '/var/cache/apt/**',
    '/var/lib/apt/**',
    '/root/.cache/**',
    '/var/lib/**/.cache/**',
  ],
  'databases that layers would hide from each other': [
    '/etc/ld.so.cache',
    '/etc/.pwd.lock',
    '/etc/passwd-',
    '/etc/group-',
    '/etc/shadow-',
    '/etc/gshadow-',
    '/etc/subuid-',
    '/etc/subgid-',
    '/var/lib/dpkg/arch',
    '/var/lib/dpkg/available',
    '/var/lib/dpkg/cmethopt',
    '/var/lib/dpkg/diversions',
    '/var/lib/dpkg/diversions-old',
    '/var/lib/dpkg/lock',
    '/var/lib/dpkg/lock-frontend',
    '/var/lib/dpkg/statoverride',
    '/var/lib/dpkg/statoverride-old',
    '/var/lib/dpkg/status',
    '/var/lib/dpkg/status-old',
    '/var/lib/dpkg/triggers/**',
    '/var/lib/dpkg/updates/**',
    '/var/lib/ucf/**',
  ],
} as const satisfies Record<string, readonly string[]>;

/** Caches and logs. Their directories ship, because services expect them with their owners. */
const unshippedFiles = ['/var/cache/**', '/var/log/**'];

/**
 * The databases of users. The layer of a module without a base ships them; every other has a
 * fragment of sysusers.d instead.
 */
const accountDatabases = [
  '/etc/passwd',
  '/etc/group',
  '/etc/shadow',
  '/etc/gshadow',
  '/etc/subuid',
  '/etc/subgid',
];

/** Returns whether an entry of a built tree never ships. */
export function compileCleaning(hasBase: boolean): (path: string, isDirectory: boolean) => boolean {
  const globs = [...Object.values(unshipped).flat(), ...(hasBase ? accountDatabases : [])];
  const matcher = new GlobMatcher(globs.map(compileGlob));
  const files = new GlobMatcher(unshippedFiles.map(compileGlob));
  return (path, isDirectory) =>
    matcher.matches(path, isDirectory) || (!isDirectory && files.matches(path, false));
}
