import { cutText } from '../base/cut-text.ts';
import { sha256Hex } from '../base/ids.ts';
import { limits } from '../base/limits/index.ts';
import { listSome } from '../base/list-some.ts';
import { type Privilege, packageCode } from '../domain/compose/index.ts';
import type { ManifestGroup, ManifestSudo, ManifestUser } from '../domain/modules/index.ts';
import { layerName, type UnitLayer } from './input.ts';
import { type Right, type ShippedKind, shippedRights } from './shipped-rights.ts';

/** Each kind of privilege in the order of lists, with the start of its sentence. */
const sentences = {
  privileged: 'Its services have every right of root, because it is privileged',
  strong_capability: 'Its services have capabilities that lead to the rights of root:',
  user_namespace: 'Its services run in user namespaces of their own',
  unit_body: 'It writes whole systemd units:',
  sudoers: 'It lets users run commands with sudo:',
  root_id: 'It gives the id 0 of root to',
  setuid_file: 'It ships files that run as their owner or group:',
  capability_file: 'It ships files with Linux capabilities:',
  unit_file: 'It ships systemd units of its own:',
  root_code: 'It ships files that root runs or trusts:',
  [packageCode]: 'Its packages bring files that root runs or trusts:',
} as const satisfies Record<ShippedKind | 'sudoers' | 'root_id', string> & Record<string, string>;

type Kind = keyof typeof sentences;

const kinds = Object.keys(sentences) as Kind[];

/**
 * Lists the privileges of modules, in the order of `sentences` for each layer: why the assignment
 * needs the policy `module_assign_privileged`, and what reviewers see besides.
 */
export function listPrivileges(
  layers: readonly Pick<UnitLayer, 'account' | 'module' | 'manifest' | 'entries'>[],
): Privilege[] {
  return layers.flatMap((layer) => {
    const rights = Map.groupBy(
      [...declaredRights(layer.manifest), ...shippedRights(layer)],
      ({ kind }) => kind,
    );
    return kinds.flatMap((kind) => {
      const found = rights.get(kind);
      return found === undefined ? [] : [privilegeOf(layerName(layer), kind, found)];
    });
  });
}

/** Names all of a few rights. The digest counts all, with what each says. */
function privilegeOf(module: string, kind: Kind, rights: readonly Right[]): Privilege {
  const names = rights.map(({ name }) => name);
  const text = `${sentences[kind]} ${listSome(names, namesShown)}`.trimEnd();

  return {
    module,
    kind,
    sentence: `${cutText(text, limits.privilegeLengthMax - 1)}.`,
    digest: sha256Hex(JSON.stringify(rights.map(({ name, says }) => [name, says]))),
  };
}

const namesShown = 5;

function declaredRights(manifest: Manifest): (Right & { kind: Kind })[] {
  const { security = {}, services = [] } = manifest;
  const bodies = services.filter(({ unit_body }) => unit_body !== undefined);
  const of = <K extends Kind>(kind: K, rights: readonly Right[]) =>
    rights.map((one) => ({ kind, ...one }));
  // The sentence says it all.
  const flag = (isSet = false): Right[] => (isSet ? [{ name: '', says: null }] : []);

  return [
    ...of('privileged', flag(security.privileged)),
    ...of('strong_capability', strongCapabilities(manifest)),
    ...of('user_namespace', flag(security.user_namespace)),
    ...of(
      'unit_body',
      bodies.map(({ name, unit_body }) => ({ name, says: unit_body })),
    ),
    ...of('sudoers', sudoRights(manifest)),
    ...of('root_id', rootIds(manifest)),
  ];
}

type Manifest = UnitLayer['manifest'];

/**
 * Capabilities that open no more than a port, a clock or a share of the machine (capabilities(7)).
 * Every other one lets a process become root, or rewrite what root runs; so may one of a later
 * kernel.
 */
const weakCapabilities: ReadonlySet<string> = new Set(
  (
    'AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND IPC_LOCK KILL LEASE NET_BIND_SERVICE NET_BROADCAST ' +
    'NET_RAW SYSLOG SYS_NICE SYS_PACCT SYS_RESOURCE SYS_TIME WAKE_ALARM'
  )
    .split(' ')
    .map((name) => `CAP_${name}`),
);

function strongCapabilities({ security = {}, services = [] }: Manifest): Right[] {
  const isStrong = (name: string) => !weakCapabilities.has(name);
  const ofAll = (security.capabilities ?? []).filter(isStrong);
  const ofOne = services.flatMap(({ name, capabilities = [] }) =>
    capabilities
      .filter((one) => isStrong(one) && !ofAll.includes(one))
      .map((one) => `${one} of ${name}`),
  );
  return [...new Set([...ofAll, ...ofOne])].map((name) => ({ name, says: null }));
}

/** Groups that the sudoers of distributions let run everything. */
const sudoGroups: ReadonlySet<string> = new Set(['sudo', 'wheel', 'admin']);

function sudoRights({ sudoers = [], users = [], groups = [] }: Manifest): Right[] {
  return [
    ...sudoers.map((rule) => ({ name: describeSudo(rule), says: rule })),
    ...users.filter((user) => groupsOf(user).some((one) => sudoGroups.has(one))).map(byName),
    ...groups
      .filter(({ name, members = [] }) => sudoGroups.has(name) && members.length > 0)
      .map((group) => ({ name: describeMembers(group), says: group })),
  ];
}

function describeSudo({ user, commands, flags = [], ...rule }: ManifestSudo): string {
  const { runas = '', runas_user = runas, runas_group = '' } = rule;
  const as = [runas_user, runas_group].filter((one) => one !== '').join(':');
  const tags = flags.length === 0 ? '' : ` (${flags.join(', ')})`;
  return `${user} runs ${commands.join(', ')}${as === '' ? '' : ` as ${as}`}${tags}`;
}

function describeMembers({ name, members = [] }: ManifestGroup): string {
  return `${members.join(', ')} of the group ${name}`;
}

/** Names count as numbers do: every root has a user and a group of this name. */
const superuser = 'root';

function rootIds({ users = [], groups = [] }: Manifest): Right[] {
  const isRoot = (user: ManifestUser) =>
    user.uid === 0 || user.primary_gid === 0 || groupsOf(user).includes(superuser);

  return [
    ...users.filter((user) => user.name === superuser || isRoot(user)).map(byName),
    ...groups.filter(({ name, gid }) => name === superuser || gid === 0).map(byName),
  ];
}

function groupsOf({ primary_group, supplementary_groups = [] }: ManifestUser): string[] {
  return [primary_group ?? [], supplementary_groups].flat();
}

function byName(one: ManifestUser | ManifestGroup): Right {
  return { name: one.name, says: one };
}
