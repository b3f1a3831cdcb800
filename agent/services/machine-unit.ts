import { GantryError } from '../../shared/base/error.ts';
import type { RootUser, RootUsers } from './root-users.ts';
import { commandKey, keepInRoot } from './unit-commands.ts';
import { formatUnit, parseUnit, type UnitLine } from './unit-lines.ts';

/** A service as the composition has it, on its way to a unit of the machine. */
export interface ComposedUnit {
  /** The unit's name on the machine. */
  unit: string;
  /** The texts of the unit and its drop-ins, in the order of systemd. */
  texts: readonly string[];
}

/** Where a root file system is on the machine. */
export interface RootPlace {
  /** The generation, not the link to it, so that a running service keeps its whole root. */
  root: string;
  /** The machine's data, for `/machine-data` of the root. */
  machineData: string;
  /** What all services of the root share as their /run. */
  run: string;
  users: RootUsers;
  /** Returns the file of the verified root that a path leads to through links, or null. */
  findFile: (path: string) => string | null;
  /** Names of the composition's units → their names on the machine. */
  names: ReadonlyMap<string, string>;
}

/** A directory that systemd would make for the unit on the machine, outside the root. */
export interface ServiceDirectory {
  /** As the service sees it. */
  path: string;
  mode: number;
  uid: number;
  gid: number;
}

export interface MachineUnit {
  unit: string;
  text: string;
  directories: ServiceDirectory[];
  /** Numbers of users and groups that it runs as, besides root. */
  uids: number[];
  gids: number[];
}

/**
 * Makes a unit that the machine's systemd runs inside a root file system, from one that was written
 * for that root. What systemd does outside `RootDirectory=` (systemd.exec(5)) is changed so that it
 * concerns the root: users are numbers, because the machine's databases have others; environment
 * files and conditions have the paths of the root; directories are the root's; `+` commands stay in
 * the root. What would act on the machine itself, such as `FailureAction=reboot` or a conflict with
 * one of its units, is left out.
 *
 * @throws `service_failed` when it runs as a user or group that the root lacks, hides the prefix of
 * a command, or needs an environment file that the root lacks
 */
export function machineUnit({ unit, texts }: ComposedUnit, place: RootPlace): MachineUnit {
  const lines = texts.flatMap(parseUnit);
  const user = findUser(unit, lines, place.users);
  // Only systemd knows the user that it makes as the service starts, so it makes the directories.
  const isDynamicUser = isDynamic(lines);
  const directories = isDynamicUser ? [] : findDirectories(lines);
  const owner = { uid: user?.uid ?? 0, gid: user?.gid ?? 0 };

  const text = formatUnit([
    ...lines.flatMap((line) => rewriteUnitLine(line, place)),
    ...toService({ PrivateTmp: 'yes' }),
    ...environmentOf(user, directories),
    ...lines.flatMap((line) => rewriteServiceLine(line, unit, place)),
    ...(isDynamicUser ? lines.filter(({ key }) => directoryKey.test(key)) : []),
    ...rootLines(place),
    ...userLines(user),
    ...directories
      .filter(({ isMade }) => isMade)
      .map(({ path }) => ({ section: 'Service', key: 'ReadWritePaths', value: `-+${path}` })),
  ]);

  const made = directories.filter(({ isMade }) => isMade);
  return {
    unit,
    text,
    directories: made.map(({ path, mode }) => ({ path, mode, ...owner })),
    uids: [user?.uid ?? 0].filter((uid) => uid !== 0),
    gids: [user?.gid ?? 0, ...(user?.supplementary ?? [])].filter((gid) => gid !== 0),
  };
}

function toService(values: Record<string, string>): UnitLine[] {
  return Object.entries(values).map(([key, value]) => ({ section: 'Service', key, value }));
}

/** The last assignment counts; an empty one takes those before it back. */
function lastOf(lines: readonly UnitLine[], key: string): string | undefined {
  const value = lines.findLast((line) => line.section === 'Service' && line.key === key)?.value;
  return value === '' ? undefined : value;
}

function listOf(lines: readonly UnitLine[], key: string): string[] {
  const values = lines
    .filter((line) => line.section === 'Service' && line.key === key)
    .map(({ value }) => value);
  return values.slice(values.lastIndexOf('') + 1).flatMap((value) => value.split(/\s+/));
}

/** Units that run at a machine's start and that an order may name without harm. */
const harmlessTargets =
  /^(?:basic|local-fs|multi-user|network|network-online|nss-lookup|nss-user-lookup|remote-fs|sysinit|time-set|time-sync)\.target$/;
const orders = ['After', 'Before', 'Wants'];

/** Keys whose values are names of units (systemd.unit(5)). */
const unitLists = new Set([
  ...orders,
  ...['BindsTo', 'Conflicts', 'JoinsNamespaceOf', 'OnFailure', 'OnSuccess', 'PartOf'],
  ...['PropagatesReloadTo', 'PropagatesStopTo', 'ReloadPropagatedFrom', 'Requires', 'Requisite'],
  ...['StopPropagatedFrom', 'Upholds'],
]);

const pathCondition = /^(?:Condition|Assert)(?:Path\w*|File\w+|DirectoryNotEmpty)$/;
/** They act on the machine, or name a path of it. */
const leftOutOfUnit = /^(?:\w+Action|\w*RebootArgument|\w+MountsFor|SourcePath)$/;

function rewriteUnitLine(line: UnitLine, { root, names }: RootPlace): UnitLine[] {
  const { section, key, value } = line;
  if (section !== 'Unit' || leftOutOfUnit.test(key)) return [];

  if (unitLists.has(key)) {
    const kept = value.split(/\s+/).flatMap((name) => {
      const own = names.get(name);
      if (own !== undefined) return [own];
      return orders.includes(key) && harmlessTargets.test(name) ? [name] : [];
    });
    return kept.length === 0 ? [] : [{ ...line, value: kept.join(' ') }];
  }

  return pathCondition.test(key) ? [{ ...line, value: prefixPath(value, /^[|!]*/, root) }] : [line];
}

/**
 * The agent says these itself, or they would act on the machine outside the root: systemd opens the
 * files and binds the directories that they name in its own root, and follows links.
 */
const leftOutOfService =
  /^(?:Root\w+|MountAPIVFS|User|Group|SupplementaryGroups|\w+Action|RebootArgument|PAMName|Sockets|TTYPath|UtmpIdentifier|Bind(?:ReadOnly)?Paths|(?:Load|Import)Credential\w*|OpenFile|MountImages|Extension\w+|(?:Network|IPC)NamespacePath)$/;
const sandboxPaths = /^(?:ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)(?:Paths|Directories)$/;
const directoryKey = /^(?:Runtime|State|Cache|Logs|Configuration)Directory\w*$/;

function rewriteServiceLine(line: UnitLine, unit: string, place: RootPlace): UnitLine[] {
  const { section, key, value } = line;
  if (section !== 'Service' || leftOutOfService.test(key)) return [];
  if (directoryKey.test(key)) return [];

  // Without "+", these are paths of the machine, in spite of the unit's own root (systemd.exec(5)).
  if (sandboxPaths.test(key))
    return [{ ...line, value: value.replaceAll(/(^|\s)(-?)\+?(?=\/)/g, '$1$2+') }];

  if (key === 'EnvironmentFile') return environmentFile(line, unit, place);
  if (key === 'PIDFile') return pidFile(line, place);
  if (commandKey.test(key)) return [{ ...line, value: keepInRoot(unit, value) }];

  // systemd opens these files in the machine's root, as root, and follows links.
  if (/^Standard(?:Output|Error)$/.test(key) && /^(?:file|append|truncate):/.test(value))
    return [{ ...line, value: 'journal' }];
  return key === 'StandardInput' && /^(?:file|tty)/.test(value) ? [] : [line];
}

/**
 * systemd reads it in the machine's root, as root, and follows links. So it must be a file of the
 * verified root: services write below the machine's data, and could plant a link to any file there.
 */
function environmentFile(line: UnitLine, unit: string, { root, findFile }: RootPlace): UnitLine[] {
  const { value } = line;
  if (value === '') return [line];

  const optional = value.startsWith('-') ? '-' : '';
  const path = value.slice(optional.length);
  const isPlain = /^\/[^%*?[\]\\]+$/.test(path);
  const found = isPlain ? findFile(path) : null;
  if (found !== null) return [{ ...line, value: `${optional}${root}${found}` }];
  if (optional !== '') return [];

  throw new GantryError(
    'service_failed',
    `${unit} reads its environment from ${path}: expected the path of a file that modules ship, outside the machine's data. Ship it, or write - before a path that may lack a file.`,
    { field: unit },
  );
}

/** systemd reads it in the machine's /run, where that of the services has another name. */
function pidFile(line: UnitLine, { run }: RootPlace): UnitLine[] {
  const [, name] =
    /^(?:(?:%t|\/run|\/var\/run)\/)?([\w@.,:+-][\w@.,:+/-]*)$/.exec(line.value) ?? [];
  if (name === undefined || name.split('/').includes('..')) return [];
  return [{ ...line, value: `${run}/${name}` }];
}

function prefixPath(value: string, prefix: RegExp, root: string): string {
  const [kept = ''] = prefix.exec(value) ?? [];
  const path = value.slice(kept.length);
  return path.startsWith('/') ? `${kept}${root}${path}` : value;
}

function rootLines({ root, machineData, run }: RootPlace): UnitLine[] {
  return [
    ...toService({ RootDirectory: root, MountAPIVFS: 'yes' }),
    ...toService({ BindPaths: `${machineData}:/machine-data` }),
    ...toService({ BindPaths: `${run}:/run` }),
    // systemd writes the machine's os-release below it, which is read-only in a container.
    ...(run === '/run' ? toService({ TemporaryFileSystem: '/run/host' }) : []),
    ...toService({ BindReadOnlyPaths: `-${root}/run/gantry:/run/gantry` }),
  ];
}

interface ServiceUser extends RootUser {
  supplementary: number[];
}

/** Undefined for root, and for a user that systemd makes as the service starts. */
function findUser(
  unit: string,
  lines: readonly UnitLine[],
  users: RootUsers,
): ServiceUser | undefined {
  const name = lastOf(lines, 'User') ?? 'root';
  const groupName = lastOf(lines, 'Group');
  const more = listOf(lines, 'SupplementaryGroups');
  if (isDynamic(lines)) return undefined;
  if (name === 'root' && groupName === undefined && more.length === 0) return undefined;

  const user = users.findUser(name) ?? (name === 'root' ? superuser : undefined);
  if (user === undefined) throw lackingError(unit, `the user ${name}`);

  const requireGroup = (group: string): number => {
    const gid = users.findGroup(group);
    if (gid === undefined) throw lackingError(unit, `the group ${group}`);
    return gid;
  };

  const supplementary = [...user.groups, ...more.map(requireGroup)];
  const gid = groupName === undefined ? user.gid : requireGroup(groupName);
  return { ...user, gid, supplementary: [...new Set(supplementary)] };
}

const superuser: RootUser = {
  name: 'root',
  uid: 0,
  gid: 0,
  groups: [],
  home: '/root',
  shell: '/bin/sh',
};

function isDynamic(lines: readonly UnitLine[]): boolean {
  return /^(?:1|yes|true|on)$/i.test(lastOf(lines, 'DynamicUser') ?? 'no');
}

function lackingError(unit: string, what: string): GantryError {
  return new GantryError(
    'service_failed',
    `${unit} runs as ${what}, which the root file system lacks. Declare it in users or groups of the manifest.`,
    { field: unit },
  );
}

function userLines(user: ServiceUser | undefined): UnitLine[] {
  if (user === undefined) return [];
  const { uid, gid, supplementary } = user;
  return toService({
    ...(uid === 0 ? {} : { User: String(uid) }),
    Group: String(gid),
    ...(supplementary.length === 0 ? {} : { SupplementaryGroups: supplementary.join(' ') }),
  });
}

/** What systemd sets by the machine's databases and by the directories that it makes. */
function environmentOf(
  user: ServiceUser | undefined,
  directories: readonly UnitDirectory[],
): UnitLine[] {
  const values: [string, string][] = [];
  if (user !== undefined) {
    const { name, home, shell } = user;
    values.push(['USER', name], ['LOGNAME', name], ['HOME', home]);
    if (shell !== '') values.push(['SHELL', shell]);
  }

  const paths = Map.groupBy(directories, ({ variable }) => variable);
  for (const [name, found] of paths) values.push([name, found.map(({ path }) => path).join(':')]);
  return values.map(([name, value]) => ({
    section: 'Service',
    key: 'Environment',
    value: quote(`${name}=${value}`),
  }));
}

function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return `"${escaped}"`;
}

interface UnitDirectory {
  path: string;
  mode: number;
  variable: string;
  /** A module ships its configuration; the others are made. */
  isMade: boolean;
}

const directoryKinds = [
  ['Runtime', '/run', true],
  ['State', '/var/lib', true],
  ['Cache', '/var/cache', true],
  ['Logs', '/var/log', true],
  ['Configuration', '/etc', false],
] as const;

function findDirectories(lines: readonly UnitLine[]): UnitDirectory[] {
  return directoryKinds.flatMap(([kind, base, isMade]) =>
    listOf(lines, `${kind}Directory`).flatMap((word) => {
      const [name = ''] = word.split(':');
      // systemd refuses these too (systemd.exec(5)); a specifier has no meaning here.
      if (!/^[\w@.,+-]+(?:\/[\w@.,+-]+)*$/.test(name) || name.split('/').includes('..')) return [];

      const mode = Number.parseInt(lastOf(lines, `${kind}DirectoryMode`) ?? '0755', 8) & 0o7777;
      const variable = `${kind.toUpperCase()}_DIRECTORY`;
      return [{ path: `${base}/${name}`, mode, variable, isMade }];
    }),
  );
}
