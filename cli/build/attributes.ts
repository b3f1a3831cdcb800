import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { listSome } from '../../shared/base/list-some.ts';
import { ancestorPaths, type TreeEntry } from '../../shared/domain/files/index.ts';
import {
  type Accounts,
  attributesFileName,
  type IdTable,
  type PathAttributes,
  parseAttributes,
} from '../../shared/packages/index.ts';
import { readOptional } from './packages/required-modules.ts';
import type { SourceEntry } from './rootfs.ts';

/** Names that `rootfs.attrs` may use. */
export interface KnownNames {
  ids: IdTable;
  accounts: Accounts;
}

/** Reads `rootfs.attrs` beside the manifest. @throws GantryError `attributes_invalid` */
export async function readAttributes(directory: string): Promise<PathAttributes[]> {
  const text = await readOptional(join(directory, attributesFileName));
  return text === undefined ? [] : parseAttributes(text);
}

/**
 * Gives paths of a tree the modes, owners and capabilities that git cannot keep.
 * @throws GantryError `attributes_invalid` for a path that does not ship, or an unknown name
 */
export function applyAttributes(
  tree: readonly TreeEntry[],
  rows: readonly PathAttributes[],
  names: KnownNames,
): TreeEntry[] {
  const byPath = new Map(rows.map((row) => [row.path, row]));
  const shipped = new Set(tree.map(({ path }) => path));
  const problems = rows.flatMap((row) => problemsOf(row, tree, shipped));
  if (problems.length > 0)
    throw new GantryError('attributes_invalid', `${attributesFileName}, ${problems.join('; ')}`);

  return tree.map((entry) => {
    const row = byPath.get(entry.path);
    if (row === undefined) return entry;
    return {
      ...entry,
      mode: row.mode ?? entry.mode,
      uid: row.owner === undefined ? entry.uid : idOf(row.owner, 'user', row.line, names),
      gid: row.group === undefined ? entry.gid : idOf(row.group, 'group', row.line, names),
      ...(row.xattrs === undefined ? {} : { xattrs: { ...entry.xattrs, ...row.xattrs } }),
    };
  });
}

function problemsOf(
  { path, line, mode, xattrs }: PathAttributes,
  tree: readonly TreeEntry[],
  shipped: ReadonlySet<string>,
): string[] {
  if (!shipped.has(path)) return [`line ${line}: expected a path that ships, found ${path}`];
  const type = tree.find((entry) => entry.path === path)?.type;
  if (type === 'symlink' && mode !== undefined)
    return [`line ${line}: expected no mode for the symlink ${path}`];
  if (type !== 'file' && xattrs !== undefined)
    return [`line ${line}: expected a file for capabilities, found the ${type} ${path}`];
  return [];
}

function idOf(
  name: string,
  kind: 'user' | 'group',
  line: number,
  { ids, accounts }: KnownNames,
): number {
  if (/^[0-9]+$/.test(name)) return Number(name);
  if (name === 'root') return 0;

  const known =
    kind === 'user'
      ? (accounts.users.find((one) => one.name === name)?.uid ?? ids.users[name]?.uid)
      : (accounts.groups.find((one) => one.name === name)?.gid ?? ids.groups[name]?.gid);
  if (known !== undefined) return known;

  const message = `${attributesFileName}, line ${line}: expected a ${kind} of the packages or of ids.yaml, found ${JSON.stringify(name)}; write its number, or add it to ids.yaml`;
  throw new GantryError('attributes_invalid', message, { found: name });
}

/**
 * Warns of modes in a working copy that git, and so the build, does not keep. A mode that the umask
 * explains is no intention, nor is the group of a shared checkout that directories pass on.
 */
export function lostModes(
  source: readonly SourceEntry[],
  files: readonly string[],
  rows: readonly PathAttributes[],
): string[] {
  const stated = new Set(rows.flatMap(({ path, mode }) => (mode === undefined ? [] : [path])));
  const shipped = new Set(files.flatMap((path) => [path, ...ancestorPaths(path)]));
  const lost = (['file', 'directory'] as const).flatMap((wanted) => {
    const all = source.filter(({ type, mode }) => type === wanted && mode !== undefined);
    const seen = all.reduce((bits, { mode = 0 }) => bits | mode, 0);
    return all.filter(({ path, type, mode = 0, executable }) => {
      const kept = (executable || type === 'directory' ? 0o777 : 0o666) & seen;
      const said = type === 'directory' ? mode & ~0o2000 : mode;
      return shipped.has(path) && !stated.has(path) && said !== kept;
    });
  });

  if (lost.length === 0) return [];
  const shown = lost.map(({ path, mode = 0 }) => `${path} (0${mode.toString(8)})`);
  return [
    `git keeps no mode but the executable bit, so these ship as 0644 or 0755: ${listSome(shown)}; write the modes into ${attributesFileName}`,
  ];
}
