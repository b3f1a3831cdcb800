import { posix } from 'node:path';
import { ancestorPaths, type TreeEntry } from '../domain/files/index.ts';
import { databasePaths } from './accounts.ts';
import { unitDirectories } from './names.ts';

/** What a file gives because of its place: the kinds of privileges that go by paths. */
export type PathKind = 'sudoers' | 'root_id' | 'unit_file' | 'root_code';

export interface Place {
  kind: PathKind;
  /** Whether packages of distributions bring such files as a matter of course. */
  isOfPackages: boolean;
}

/** Where systemd and its kin look for configuration. */
const configuration = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'];
const data = ['/etc', '/run', '/usr/local/share', '/usr/share'];

const isBelowLib = (path: string): boolean => /^\/(?:usr\/)?lib\//.test(path);

/** Each of the names, which blanks separate, in each of the directories. */
function below(directories: readonly string[], names: string): string[] {
  return directories.flatMap((directory) => names.split(' ').map((name) => `${directory}/${name}`));
}

/**
 * Files that root runs, or that decide what root runs and whom it trusts; and directories of such.
 * Of a path that several rows have, the last counts.
 */
const places: readonly (Place & { paths: readonly string[] })[] = [
  {
    kind: 'sudoers',
    isOfPackages: false,
    paths: below(['/etc'], 'sudoers sudoers.d sudo.conf doas.conf'),
  },
  { kind: 'root_id', isOfPackages: false, paths: [...databasePaths] },
  { kind: 'root_id', isOfPackages: true, paths: below(configuration, 'sysusers.d userdb') },
  {
    // Packages have their units below /usr/lib. In /etc they have links that enable them alone.
    kind: 'unit_file',
    isOfPackages: false,
    paths: unitDirectories.filter((path) => !isBelowLib(path)),
  },
  {
    kind: 'unit_file',
    isOfPackages: true,
    paths: [
      ...unitDirectories.filter(isBelowLib),
      ...below(
        below(configuration, 'systemd'),
        'system-generators system-environment-generators user-environment-generators user',
      ),
      ...below(
        below(configuration, 'systemd'),
        'system-preset system-shutdown system-sleep system.conf system.conf.d user.conf user.conf.d',
      ),
    ],
  },
  {
    kind: 'root_code',
    isOfPackages: true,
    paths: [
      // At times: cron(8), logrotate(8).
      ...below(['/etc'], 'anacrontab crontab cron.d cron.hourly cron.daily cron.weekly'),
      ...below(['/etc'], 'cron.monthly logrotate.conf logrotate.d'),
      // At the start of the machine, and when devices, mounts and networks come.
      ...below(['/etc'], 'init.d inittab rc0.d rc1.d rc2.d rc3.d rc4.d rc5.d rc6.d rcS.d'),
      ...below(['/etc'], 'crypttab fstab initramfs-tools kernel modules sysctl.conf'),
      ...below(configuration, 'binfmt.d modprobe.d modules-load.d sysctl.d tmpfiles.d'),
      ...below(configuration, 'NetworkManager/dispatcher.d networkd-dispatcher udev/rules.d'),
      ...below(['/etc/network'], 'interfaces interfaces.d if-pre-up.d if-up.d if-down.d'),
      // For every program, and for who logs in: ld.so(8), nsswitch.conf(5), pam(8), sshd(8).
      ...below(['/etc'], 'ld.so.cache ld.so.conf ld.so.conf.d nsswitch.conf environment'),
      ...below(['/etc', '/usr/lib', '/lib'], 'environment.d pam.d'),
      ...below(['/etc'], 'pam.conf security/namespace.init security/pam_env.conf'),
      ...below(['/etc'], 'bash.bashrc profile profile.d update-motd.d inetd.conf xinetd.d'),
      ...below(['/etc/ssh'], 'sshd_config sshd_config.d sshrc'),
      '/root',
      // Who may ask the services of root for what: polkit(8), dbus-daemon(1).
      ...below(below(data, 'polkit-1'), 'actions localauthority rules.d'),
      ...below(below(data, 'dbus-1'), 'system.conf system.d system-services'),
      // With each installation of a package: apt.conf(5), dpkg(1).
      ...below(['/etc'], 'apt/apt.conf apt/apt.conf.d dpkg/dpkg.cfg dpkg/dpkg.cfg.d'),
    ],
  },
  {
    kind: 'root_code',
    isOfPackages: false,
    paths: ['/etc/ld.so.preload', '/etc/rc.local', '/root/.ssh', '/var/spool/cron'],
  },
];

const listed: ReadonlyMap<string, Place> = new Map(
  places.flatMap(({ paths, ...place }) => paths.map((path) => [path, place])),
);

/** These and the directories above: what replaces one by a link brings files there. */
const replaced: ReadonlyMap<string, Place> = new Map(
  places.flatMap(({ paths, kind }) =>
    paths
      .flatMap((path) => [...ancestorPaths(path), path])
      .map((path) => [path, { kind, isOfPackages: false }]),
  ),
);

/** What an entry gives by its place; null for a directory, and for one at any other place. */
export function placeOf({ path, type, target = '' }: TreeEntry): Place | null {
  if (type === 'directory' || path.endsWith('/.gitkeep')) return null;

  // The merged /usr has this link.
  if (path === '/lib' && posix.resolve('/', target) === '/usr/lib') return null;

  // A link in place of the whole directory is nothing that packages bring.
  if (type === 'symlink' && replaced.has(path)) return replaced.get(path) ?? null;

  let place: Place | null = null;
  for (const prefix of prefixesOf(path)) {
    place = listed.get(prefix) ?? place;
    // Few of the hundreds of thousands of paths of a root get to their end.
    if (!replaced.has(prefix)) return place;
  }

  return place;
}

/** Yields `/a`, `/a/b` and `/a/b/c` of the last one. */
function* prefixesOf(path: string): Generator<string> {
  for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1))
    yield path.slice(0, end);
  yield path;
}
