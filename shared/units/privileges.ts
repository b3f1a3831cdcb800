import { posix } from 'node:path';
import { cutText } from '../base/cut-text.ts';
import { sha256Hex } from '../base/ids.ts';
import { limits } from '../base/limits/index.ts';
import { listSome } from '../base/list-some.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { ancestorPaths, parentPath, type TreeEntry } from '../domain/files/index.ts';
import type { ManifestSudo, ManifestUser } from '../domain/modules/index.ts';
import { compileMask } from '../files/index.ts';
import { databasePaths } from './accounts.ts';
import { packageRecords } from './dpkg.ts';
import { layerName, type UnitLayer } from './input.ts';
import { unitDirectories, unitPath } from './names.ts';

/** Why the assignment of a module needs the policy `module_assign_privileged`. */
export const privilegeKinds = [
  'privileged',
  'user_namespace',
  'unit_body',
  'sudoers',
  'root_id',
  'setuid_file',
  'capability_file',
  'unit_file',
] as const;

export interface Privilege {
  module: LayerName;
  kind: (typeof privilegeKinds)[number];
  /** For reviewers: what the module gains, with its names. */
  sentence: string;
}

/** Lists the privileges of modules, in the order of `privilegeKinds` for each layer. */
export function listPrivileges(
  layers: readonly Pick<UnitLayer, 'account' | 'module' | 'manifest' | 'entries'>[],
): Privilege[] {
  return layers.flatMap((layer) => {
    const found = { ...declaredPrivileges(layer), ...shippedPrivileges(layer) };
    return privilegeKinds.flatMap((kind) => {
      const sentence = found[kind];
      return sentence === undefined ? [] : [{ module: layerName(layer), kind, sentence }];
    });
  });
}

type Found = Partial<Record<Privilege['kind'], string>>;

function declaredPrivileges(layer: Pick<UnitLayer, 'manifest' | 'entries'>): Found {
  const { security = {}, services = [] } = layer.manifest;
  const bodies = services.filter(({ unit_body }) => unit_body !== undefined);

  return {
    ...(security.privileged === true && {
      privileged: 'Its services have every right of root, because it is privileged.',
    }),
    ...(security.user_namespace === true && {
      user_namespace: 'Its services run in user namespaces of their own.',
    }),
    ...sentenceOf('unit_body', 'It writes whole systemd units:', bodies.map(nameOf)),
    ...sentenceOf('sudoers', 'It lets users run commands with sudo:', sudoRights(layer)),
    ...sentenceOf('root_id', 'It gives the id 0 of root to', rootIds(layer)),
  };
}

/** Groups that the sudoers of distributions let run everything. */
const sudoGroups: ReadonlySet<string> = new Set(['sudo', 'wheel', 'admin']);

function sudoRights({ manifest, entries }: Pick<UnitLayer, 'manifest' | 'entries'>): string[] {
  const { sudoers = [], users = [], groups = [] } = manifest;
  return [
    ...sudoers.map(describeSudo),
    ...users.filter((user) => groupsOf(user).some((one) => sudoGroups.has(one))).map(nameOf),
    ...groups
      .filter(({ name, members = [] }) => sudoGroups.has(name) && members.length > 0)
      .map(({ name, members = [] }) => `${members.join(', ')} of the group ${name}`),
    ...authored({ manifest, entries }, isSudoers),
  ];
}

function describeSudo({ user, commands, flags = [], ...rule }: ManifestSudo): string {
  const { runas = '', runas_user = runas, runas_group = '' } = rule;
  const as = [runas_user, runas_group].filter((one) => one !== '').join(':');
  const tags = flags.length === 0 ? '' : ` (${flags.join(', ')})`;
  return `${user} runs ${commands.join(', ')}${as === '' ? '' : ` as ${as}`}${tags}`;
}

function isSudoers({ path }: TreeEntry): boolean {
  return /^\/etc\/sudoers(?:\.d(?:\/.*)?)?$/.test(path);
}

/** Names count as numbers do: every root has a user and a group of this name. */
const superuser = 'root';

function rootIds({ manifest, entries }: Pick<UnitLayer, 'manifest' | 'entries'>): string[] {
  const { users = [], groups = [] } = manifest;
  const isRoot = (user: ManifestUser) =>
    user.uid === 0 || user.primary_gid === 0 || groupsOf(user).includes(superuser);

  return [
    ...users.filter((user) => user.name === superuser || isRoot(user)).map(nameOf),
    ...groups.filter(({ name, gid }) => name === superuser || gid === 0).map(nameOf),
    ...authored(
      { manifest, entries },
      ({ path }) => databasePaths.has(path) || sysusers.test(path),
    ),
  ];
}

const sysusers = /^\/(?:etc|run|usr\/lib|lib)\/sysusers\.d(?:\/|$)/;

function groupsOf({ primary_group, supplementary_groups = [] }: ManifestUser): string[] {
  return [primary_group ?? [], supplementary_groups].flat();
}

function nameOf({ name }: { name: string }): string {
  return name;
}

const capability = 'security.capability';

/** Names carry what else counts, so that other owners or capabilities are a new privilege. */
function shippedPrivileges(layer: Pick<UnitLayer, 'manifest' | 'entries'>): Found {
  const setuid = layer.entries.flatMap(({ path, type, mode, uid, gid }) =>
    type === 'file' && (mode & 0o6000) !== 0
      ? [`${path} (${(mode & 0o7777).toString(8)} ${uid}:${gid})`]
      : [],
  );
  const capable = layer.entries.flatMap(({ path, type, xattrs = {} }) =>
    type !== 'directory' && Object.hasOwn(xattrs, capability)
      ? [`${path} (${xattrs[capability]})`]
      : [],
  );
  const units = authored(layer, (entry) => isUnit(entry) && !isEnabling(entry));

  return {
    ...sentenceOf('setuid_file', 'It ships files that run as their owner or group:', setuid),
    ...sentenceOf('capability_file', 'It ships files with Linux capabilities:', capable),
    ...sentenceOf('unit_file', 'It ships systemd units of its own:', units),
  };
}

/**
 * A sentence with all of a few names. What it leaves out counts in the digest at its end: otherwise
 * a new version could replace it and bring no new privilege.
 */
function sentenceOf(kind: Privilege['kind'], start: string, names: readonly string[]): Found {
  if (names.length === 0) return {};
  const whole = `${start} ${names.join(', ')}.`;
  const isShown = names.length <= namesShown && whole.length <= limits.privilegeLengthMax;
  if (isShown) return { [kind]: whole };

  const end = ` (sha256:${sha256Hex(JSON.stringify(names))}).`;
  const text = `${start} ${listSome(names, namesShown)}`;
  return { [kind]: `${cutText(text, limits.privilegeLengthMax - end.length)}${end}` };
}

const namesShown = 5;

/**
 * Paths of one sort that come from the author's own `rootfs/`. A module without packages has no
 * others. Of one with packages, those that no glob of `file_spec` names are its packages'.
 */
function authored(
  { manifest, entries }: Pick<UnitLayer, 'manifest' | 'entries'>,
  isWanted: (entry: TreeEntry) => boolean,
): string[] {
  const hasPackages = entries.some(({ path }) => path.startsWith(packageRecords));
  const isClaimed = compileMask(manifest.file_spec);

  return entries
    .filter((entry) => entry.type !== 'directory' && isWanted(entry))
    .map(({ path }) => path)
    .filter((path) => !hasPackages || !isOfPackages(path) || isClaimed(path, false));
}

/** Packages have their units below /usr/lib. In /etc they have links that enable them alone. */
function isOfPackages(path: string): boolean {
  return unitPath(path) === null || /^\/(?:usr\/)?lib\//.test(path);
}

const generators =
  /^\/(?:etc|run|usr\/local\/lib|usr\/lib|lib)\/systemd\/system(?:-environment)?-generators\//;

/** The directories of units and those above them: what replaces one by a link brings units. */
const unitAncestors: ReadonlySet<string> = new Set(
  unitDirectories.flatMap((directory) => [...ancestorPaths(directory), directory]),
);

function isUnit({ path, target = '' }: TreeEntry): boolean {
  if (unitPath(path) !== null || generators.test(path)) return true;
  // The merged /usr has this link.
  const isMergedLib = path === '/lib' && posix.resolve('/', target) === '/usr/lib';
  return unitAncestors.has(path) && !isMergedLib;
}

/**
 * A link to a unit of a search path starts what is there already, or names it. One with a ".."
 * behind a name may lead elsewhere, because that name may be a link.
 */
function isEnabling({ type, path, target = '' }: TreeEntry): boolean {
  if (type !== 'symlink') return false;
  const below = target.replace(/^(?:\.{0,2}\/)+/, '');
  const leadsTo = posix.resolve(parentPath(path), target);
  return unitPath(leadsTo) !== null && !below.split('/').includes('..');
}
