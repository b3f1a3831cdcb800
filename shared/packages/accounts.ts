import { compareBytes } from '../domain/files/index.ts';

/** A line of passwd(5). */
export interface User {
  name: string;
  uid: number;
  gid: number;
  gecos: string;
  home: string;
  shell: string;
}

/** A line of group(5). */
export interface Group {
  name: string;
  gid: number;
  members: string[];
}

/** The users and groups of a tree. */
export interface Accounts {
  users: User[];
  groups: Group[];
}

/** Parses /etc/passwd and /etc/group of a tree. Lines of another form are skipped. */
export function parseAccounts(passwd: string, group: string): Accounts {
  const users = rowsOf(passwd, 7).map(
    ([name = '', , uid, gid, gecos = '', home = '', shell = '']) => {
      return { name, uid: Number(uid), gid: Number(gid), gecos, home, shell };
    },
  );

  const groups = rowsOf(group, 4).map(([name = '', , gid, members = '']) => {
    return { name, gid: Number(gid), members: members.split(',').filter((one) => one !== '') };
  });

  return { users, groups };
}

function rowsOf(text: string, fields: number): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((row) => row.length === fields);
}

/** What a tree has more than its base. */
export interface NewAccounts extends Accounts {
  /** User and group of each membership. */
  memberships: [user: string, group: string][];
}

/** The users, groups and memberships of a tree that its base lacks. */
export function newAccounts(base: Accounts, full: Accounts): NewAccounts {
  const users = new Set(base.users.map(({ name }) => name));
  const members = new Map(base.groups.map((one) => [one.name, new Set(one.members)]));

  return {
    users: full.users.filter(({ name }) => !users.has(name)),
    groups: full.groups.filter(({ name }) => !members.has(name)),
    memberships: full.groups.flatMap(({ name, members: all }) =>
      all
        .filter((member) => !members.get(name)?.has(member))
        .map((member): [string, string] => [member, name]),
    ),
  };
}

/**
 * Writes users and groups as a fragment of sysusers.d(5), which adds them to a machine's databases
 * under the same ids.
 * @param all the accounts of the whole tree, for the names of primary groups
 */
export function formatSysusers(added: NewAccounts, all: Accounts): string {
  const { users, groups, memberships } = added;
  const groupNames = new Map(all.groups.map(({ gid, name }) => [gid, name]));
  const isOwnGroup = ({ name, uid, gid }: User) => uid === gid && groupNames.get(gid) === name;
  const withGroup = new Set(users.filter(isOwnGroup).map(({ name }) => name));

  const groupLines = groups
    .filter(({ name }) => !withGroup.has(name))
    .map(({ name, gid }) => `g ${name} ${gid}\n`);
  const userLines = users.map((user) => {
    const { name, uid, gid, gecos, home, shell } = user;
    const ids = isOwnGroup(user) ? uid : `${uid}:${groupNames.get(gid) ?? gid}`;
    return `u ${name} ${ids} ${quoted(gecos)} ${home || '-'} ${shell || '-'}\n`;
  });
  const memberLines = memberships.map(([user, group]) => `m ${user} ${group}\n`);

  return [groupLines, userLines, memberLines].flatMap((lines) => lines.sort(compareBytes)).join('');
}

/** sysusers.d(5) reads "-" as no comment. */
function quoted(gecos: string): string {
  const comment = gecos.replace(/,*$/, '');
  return comment === '' ? '-' : JSON.stringify(comment);
}
