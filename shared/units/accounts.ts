import { Database, joinWanted, wantedByFragment, wantedByManifests } from './account-lines.ts';
import type { ReadContent, UnitInput } from './input.ts';
import { AccountMerge, type Databases } from './merge-accounts.ts';
import { type Drawing, type Root, reservedError } from './root.ts';
import type { RootUser } from './services.ts';

/**
 * The databases of users and groups (passwd(5), group(5), shadow(5), gshadow(5)), with the mode of
 * a new one. Those with passwords are for root alone until a base says otherwise.
 */
const databases = {
  passwd: 0o644,
  group: 0o644,
  shadow: 0o600,
  gshadow: 0o600,
} as const satisfies Record<keyof Databases, number>;

type DatabaseName = keyof Databases;

const pathOf = (name: string): string => `/etc/${name}`;

export const databasePaths: ReadonlySet<string> = new Set(Object.keys(databases).map(pathOf));

/** What builds of packages record of the users that maintainer scripts made. */
export function isSysusersFragment(path: string): boolean {
  return /^\/usr\/lib\/sysusers\.d\/00-gantry-[^/]+\.conf$/.test(path);
}

/**
 * Merges the users and groups of manifests and packages into the databases of the root, and adds
 * those that change.
 * @returns the users of the whole root, by name
 * @throws GantryError `user_conflict`
 */
export function addAccounts(
  { layers, entries }: UnitInput,
  contents: ReadContent,
  { root, drawing, warnings }: { root: Root; drawing: Drawing; warnings: string[] },
): Map<string, RootUser> {
  const read = (path: string) =>
    root.get(path)?.type === 'file' ? Buffer.from(contents(path)).toString() : '';
  const open = (name: DatabaseName) => new Database(read(pathOf(name)));
  const all = {
    passwd: open('passwd'),
    group: open('group'),
    shadow: open('shadow'),
    gshadow: open('gshadow'),
  };

  const fragments = entries
    .filter(({ path, type }) => type === 'file' && isSysusersFragment(path))
    .map(({ path }) => wantedByFragment(read(path), root.ownerOf(path) ?? path));
  const wanted = joinWanted([...fragments, wantedByManifests(layers)]);

  const merge = new AccountMerge(all, warnings);
  merge.add(wanted);
  for (const name of Object.keys(databases) as DatabaseName[]) {
    if (!all[name].hasChanged) continue;
    requireFile(pathOf(name), root);
    const { mode = databases[name], uid = 0, gid = 0, xattrs } = root.get(pathOf(name)) ?? {};
    drawing.addFile(pathOf(name), all[name].format(), {
      mode,
      uid,
      gid,
      ...(xattrs === undefined ? {} : { xattrs }),
    });
  }

  return merge.users();
}

/** What a link leads to was not read, so a new file would lack its users. */
function requireFile(path: string, root: Root): void {
  const type = root.get(path)?.type;
  if (type === undefined || type === 'file') return;
  throw reservedError(path, `which is of type ${type}`, root.ownerOf(path));
}
