import { GantryError } from '../base/error.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import type { Accounts } from './accounts.ts';
import type { IdTable } from './ids.ts';
import type { LockedAccounts } from './lock.ts';

/** Ids below are static: Debian's policy, section 9.2.2. The group `users` is, with 100. */
const firstUid = 100;
const firstGid = 101;
/** Static again, up to 64,999; then `nobody`. */
const staticAgain = 60_000;

export const isDynamicUser = (uid: number): boolean => uid >= firstUid && uid < staticAgain;
export const isDynamicGroup = (gid: number): boolean => gid >= firstGid && gid < staticAgain;

/** The users and groups of a tree that maintainer scripts made. */
export function dynamicAccounts({ users, groups }: Accounts): Accounts {
  return {
    users: users.filter(({ uid }) => isDynamicUser(uid)),
    groups: groups.filter(({ gid }) => isDynamicGroup(gid)),
  };
}

/**
 * Describes the accounts that maintainer scripts made, so that a later build can make them first.
 * @param base names of those that the base has
 * @param entries the whole tree
 * @param shipped paths that packages ship: a home that is not among them was made by a script
 */
export function describeAccounts(
  all: Accounts,
  base: { users: ReadonlySet<string>; groups: ReadonlySet<string> },
  { entries, shipped }: { entries: readonly TreeEntry[]; shipped: ReadonlySet<string> },
): LockedAccounts {
  const names = new Map(all.groups.map(({ gid, name }) => [gid, name]));
  const made = dynamicAccounts(all);
  const directories = new Map(
    entries.flatMap((one) => (one.type === 'directory' ? [[one.path, one.mode] as const] : [])),
  );
  const dynamicUsers = new Set(made.users.map(({ name }) => name));

  return {
    users: made.users.map(({ name, uid, gid, gecos, home, shell }) => ({
      name,
      uid,
      group: names.get(gid) ?? 'nogroup',
      gecos,
      home,
      shell,
      home_mode: home === '/' || shipped.has(home) ? null : (directories.get(home) ?? null),
      base: base.users.has(name),
    })),
    groups: all.groups.flatMap(({ name, gid, members }) => {
      const own = members.filter((member) => dynamicUsers.has(member));
      if (!isDynamicGroup(gid) && own.length === 0) return [];
      return [{ name, gid, members: own, base: base.groups.has(name) }];
    }),
  };
}

/**
 * Writes the shell commands that make users and groups in a tree, under the table's ids. What is
 * there already stays.
 */
export function accountsScript(accounts: LockedAccounts, ids: IdTable): string {
  const groups = accounts.groups.flatMap(({ name }) => {
    const gid = ids.groups[name]?.gid;
    return gid === undefined
      ? []
      : [
          addLine('group', name, quoted(`${name}:x:${gid}:`)),
          addLine('gshadow', name, quoted(`${name}:!::`)),
        ];
  });

  const users = accounts.users.flatMap(({ name, group, gecos, home, shell, home_mode }) => {
    const uid = ids.users[name]?.uid;
    if (uid === undefined) return [];
    const gid = `$(sed -n 's/^${group}:[^:]*:\\([0-9]*\\):.*/\\1/p' "$1/etc/group")`;
    const line = `'${name}:x:${uid}:'"${gid}"${quoted(`:${gecos}:${home}:${shell}`)}`;
    return [
      addLine('passwd', name, line),
      addLine('shadow', name, quoted(`${name}:!:::::::`)),
      ...(home_mode === null ? [] : [makeHome({ uid, gid, home, mode: home_mode })]),
    ];
  });

  const members = accounts.groups.flatMap(({ name, members }) =>
    members.map(
      (member) =>
        `grep -Eq '^${name}:.*[:,]${member}(,|$)' "$1/etc/group" || sed -i -e 's/^${name}:.*[^:]$/&,${member}/;t' -e 's/^${name}:.*:$/&${member}/' "$1/etc/group"\n`,
    ),
  );
  return [...groups, ...users, ...members].join('');
}

function addLine(file: string, name: string, line: string): string {
  const path = `"$1/etc/${file}"`;
  // The files of a tree without the shadow suite do not exist. `echo` would read escapes in names.
  return `! [ -e ${path} ] || grep -q '^${name}:' ${path} || printf '%s\\n' ${line} >> ${path}\n`;
}

/** One word of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Within the tree: a home may lie behind a link such as `/var/run`, which is the host's. */
function makeHome(user: { uid: number; gid: string; home: string; mode: number }): string {
  const make = `[ -e "$1" ] || { mkdir -p "$1" && chown "$2" "$1" && chmod "$3" "$1"; }`;
  const args = `${quoted(user.home)} ${user.uid}:"${user.gid}" ${user.mode.toString(8)}`;
  return `chroot "$1" /bin/sh -c ${quoted(make)} sh ${args}\n`;
}

/**
 * The accounts that a new lock starts with: those of the required modules' builds, and those of the
 * lock before.
 */
export function startingAccounts(
  required: readonly LockedAccounts[],
  before: LockedAccounts | undefined,
): LockedAccounts {
  const users = new Map((before?.users ?? []).map((one) => [one.name, one]));
  const groups = new Map((before?.groups ?? []).map((one) => [one.name, one]));

  for (const one of required) {
    for (const user of one.users) users.set(user.name, { ...user, base: true });
    for (const group of one.groups) {
      // Two required modules may each put a user into a group of their common base.
      const same = required.flatMap(({ groups: all }) =>
        all.filter(({ name }) => name === group.name),
      );
      const members = new Set(same.flatMap((found) => found.members));
      groups.set(group.name, { ...group, members: [...members], base: true });
    }
  }
  return { users: [...users.values()], groups: [...groups.values()] };
}

/**
 * Adds the ids of a lock to the table, where it has none. So modules whose tables lie in different
 * places agree.
 * @throws GantryError `ids_invalid` if a required module was built with another id
 */
export function withLockedIds(table: IdTable, accounts: LockedAccounts): IdTable {
  const users = { ...table.users };
  const groups = { ...table.groups };

  for (const { name, uid, base } of accounts.users) {
    users[name] ??= { uid };
    if (base && users[name].uid !== uid) throw otherId(name, users[name].uid, uid);
  }
  for (const { name, gid, base } of accounts.groups) {
    // Debian numbers the groups that are here for their members alone.
    if (!isDynamicGroup(gid)) continue;
    groups[name] ??= { gid };
    if (base && groups[name].gid !== gid) throw otherId(name, groups[name].gid, gid);
  }

  return { users, groups };
}

function otherId(name: string, expected: number, found: number): GantryError {
  const message = `expected ${name} to have the id ${expected} of ids.yaml, found ${found} in the lock of a required module. Use one ids.yaml for both, and build the required module again with --update-lock`;
  return new GantryError('ids_invalid', message, { field: name, expected, found });
}
