import { z } from 'zod';
import { type TreeEntry, treeEntry } from '../../../shared/domain/files/index.ts';
import {
  type Accounts,
  type InstalledPackage,
  parseAccounts,
  parseStatus,
  statusPath,
} from '../../../shared/packages/index.ts';
import { type BuiltTree, openFromTar, readFromTar } from './build-tree.ts';

/** What a build needs to know of a tree. Plain JSON, so that the facts of a base are cached. */
export const treeFactsSchema = z.object({
  entries: z.array(treeEntry),
  /** dpkg's status database, as text. */
  status: z.string(),
  passwd: z.string(),
  group: z.string(),
  /** Paths by the package that ships them, with the links of a merged /usr followed. */
  shipped: z.record(z.string(), z.array(z.string())),
});
export type TreeFacts = z.infer<typeof treeFactsSchema>;

/** Reads the facts of a tree from its tar. */
export async function readFacts(tree: BuiltTree): Promise<TreeFacts> {
  return {
    entries: tree.entries,
    status: await readFromTar(tree, statusPath),
    passwd: await readFromTar(tree, '/etc/passwd'),
    group: await readFromTar(tree, '/etc/group'),
    shipped: await readShipped(tree),
  };
}

const listFile = /^\/var\/lib\/dpkg\/info\/([^/]+)\.list$/;

async function readShipped(tree: BuiltTree): Promise<Record<string, string[]>> {
  const links = topLinks(tree.entries);
  const shipped: Record<string, string[]> = {};

  for (const entry of tree.entries) {
    const name = listFile.exec(entry.path)?.[1];
    if (name === undefined) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of openFromTar(tree.tar, entry)) chunks.push(chunk);
    const paths = Buffer.concat(chunks).toString('utf8').split('\n');
    shipped[name] = paths.flatMap((path) => (path.length > 1 ? [followTop(path, links)] : []));
  }

  return shipped;
}

/** The links at the top of a tree, which are those of a merged /usr: `/lib` → `/usr/lib`. */
export function topLinks(entries: readonly TreeEntry[]): Map<string, string> {
  return new Map(
    entries.flatMap(({ path, type, target }) =>
      type === 'symlink' && /^\/[^/]+$/.test(path) && target !== undefined
        ? [[path, target.startsWith('/') ? target : `/${target}`] as const]
        : [],
    ),
  );
}

/** `/lib/systemd` → `/usr/lib/systemd` where `/lib` is a link. */
export function followTop(path: string, links: ReadonlyMap<string, string>): string {
  const [, top = ''] = /^(\/[^/]+)\//.exec(path) ?? [];
  const target = links.get(top);
  return target === undefined ? path : target + path.slice(top.length);
}

export function packagesOf(facts: TreeFacts): InstalledPackage[] {
  return parseStatus(facts.status);
}

export function accountsOf({ passwd, group }: TreeFacts): Accounts {
  return parseAccounts(passwd, group);
}
