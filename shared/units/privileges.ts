import { listSome } from '../base/list-some.ts';
import type { LayerName } from '../domain/compose/index.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import { compileMask } from '../files/index.ts';
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

function declaredPrivileges({ manifest }: Pick<UnitLayer, 'manifest'>): Found {
  const { security = {}, services = [], sudoers = [], users = [], groups = [] } = manifest;
  const bodies = services.filter(({ unit_body }) => unit_body !== undefined);
  const roots = [
    ...users.filter(({ uid, primary_gid }) => uid === 0 || primary_gid === 0),
    ...groups.filter(({ gid }) => gid === 0),
  ];

  return {
    ...(security.privileged === true && {
      privileged: 'Its services have every right of root, because it is privileged.',
    }),
    ...(security.user_namespace === true && {
      user_namespace: 'Its services run in user namespaces of their own.',
    }),
    ...sentenceOf('unit_body', bodies, ({ name }) => name, 'It writes whole systemd units:'),
    ...sentenceOf('sudoers', sudoers, describeSudo, 'It lets users run commands with sudo:'),
    ...sentenceOf('root_id', roots, ({ name }) => name, 'It gives the id 0 of root to'),
  };
}

function describeSudo({ user, commands }: { user: string; commands: string[] }): string {
  return `${user} runs ${listSome(commands)}`;
}

function shippedPrivileges(layer: Pick<UnitLayer, 'manifest' | 'entries'>): Found {
  const files = layer.entries.filter(({ type }) => type !== 'directory');
  const setuid = files.filter(({ type, mode }) => type === 'file' && (mode & 0o6000) !== 0);
  const capable = files.filter(({ xattrs = {} }) => Object.hasOwn(xattrs, 'security.capability'));
  const pathOf = ({ path }: TreeEntry) => path;

  return {
    ...sentenceOf(
      'setuid_file',
      setuid,
      pathOf,
      'It ships files that run as their owner or group:',
    ),
    ...sentenceOf('capability_file', capable, pathOf, 'It ships files with Linux capabilities:'),
    ...sentenceOf('unit_file', authoredUnits(layer), pathOf, 'It ships systemd units of its own:'),
  };
}

function sentenceOf<One>(
  kind: Privilege['kind'],
  list: readonly One[],
  nameOf: (one: One) => string,
  start: string,
): Found {
  return list.length === 0 ? {} : { [kind]: `${start} ${listSome(list.map(nameOf))}.` };
}

const packageRecords = '/var/lib/dpkg/status.d/';
const generators =
  /^\/(?:etc|run|usr\/local\/lib|usr\/lib|lib)\/systemd\/system(?:-environment)?-generators\//;

/**
 * Units, drop-ins and generators that come from the author's own `rootfs/`. A module without
 * packages has no others. Of one with packages, those below /usr/lib that no glob of `file_spec`
 * names are its packages', as are links in /etc that enable a unit.
 */
function authoredUnits({
  manifest,
  entries,
}: Pick<UnitLayer, 'manifest' | 'entries'>): TreeEntry[] {
  const hasPackages = entries.some(({ path }) => path.startsWith(packageRecords));
  const isClaimed = compileMask(manifest.file_spec);

  return entries.filter((entry) => {
    const { path, type } = entry;
    const isUnit = type !== 'directory' && (unitPath(path) !== null || generators.test(path));
    if (!isUnit || isEnabling(entry)) return false;
    return !hasPackages || !/^\/(?:usr\/)?lib\//.test(path) || isClaimed(path, false);
  });
}

/** A link to a unit of a search path starts what is there already, or names it. */
function isEnabling({ type, path, target = '' }: TreeEntry): boolean {
  if (type !== 'symlink') return false;
  const absolute = target.startsWith('/')
    ? target
    : new URL(target, `file://${encodeURI(path)}`).pathname;
  return (
    unitDirectories.some((directory) => absolute.startsWith(`${directory}/`)) &&
    !absolute.includes('/../')
  );
}
