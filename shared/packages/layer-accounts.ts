import { type LockedAccounts, parseRecordedAccounts } from './lock.ts';
import { isDynamicGroup, isDynamicUser } from './scripted-accounts.ts';

/** What layers state of their users. */
export interface LayerAccounts {
  /** The texts of `sysusers.d` that builds wrote. */
  sysusers: readonly string[];
  /** Modes of directories that no package ships: a home is one if a script made it. */
  directories: ReadonlyMap<string, number>;
}

/**
 * The users and groups that the maintainer scripts of layers made, with the ids that they were
 * built with. A membership counts if a layer has the group.
 * @throws GantryError `artifact_invalid`
 */
export function accountsOfLayers({ sysusers, directories }: LayerAccounts): LockedAccounts {
  const rows = sysusers.flatMap((text) => text.split('\n').map(wordsOf));
  const ofKind = (kind: string) =>
    rows.filter(([word]) => word === kind).map((row) => row.slice(1));

  const users = ofKind('u').map(([name = '', ids = '', gecos = '-', home = '-', shell = '-']) => {
    const [uid = '', group = name] = ids.split(':');
    return { name, uid: Number(uid), group, gecos, home, shell };
  });
  const made = users.filter(({ uid }) => isDynamicUser(uid));
  const isMade = (user: string) => made.some(({ name }) => name === user);

  const gids = new Map([
    // A user without a named group has one of the same name and number.
    ...users.flatMap(({ name, uid, group }) => (group === name ? [[name, uid] as const] : [])),
    ...ofKind('g').map(([name = '', gid]) => [name, Number(gid)] as const),
  ]);
  const members = ofKind('m');

  const accounts = {
    users: made.map(({ gecos, home, shell, ...user }) => ({
      ...user,
      gecos: textOf(gecos),
      home: textOf(home),
      shell: textOf(shell),
      home_mode: directories.get(home) ?? null,
      base: true,
    })),
    groups: [...gids].flatMap(([name, gid]) => {
      const own = members.flatMap(([user = '', group]) =>
        group === name && isMade(user) ? [user] : [],
      );
      if (!isDynamicGroup(gid) && own.length === 0) return [];
      return [{ name, gid, members: [...new Set(own)], base: true }];
    }),
  };
  return parseRecordedAccounts(accounts, '/usr/lib/sysusers.d');
}

/** The words of a line of sysusers.d(5) as builds write it: a comment is a JSON string. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map(([word]) => word);
}

function textOf(word: string): string {
  if (word === '-') return '';
  try {
    return word.startsWith('"') ? String(JSON.parse(word)) : word;
  } catch {
    return '';
  }
}
