import { compareBytes, type TreeEntry } from '../domain/files/index.ts';

/** The facts in which two entries of one path may differ. Times do not count. */
export type EntryFact = 'type' | 'content' | 'mode' | 'owner' | 'xattrs';

export interface TreeDifference {
  added: TreeEntry[];
  removed: TreeEntry[];
  changed: { path: string; what: EntryFact[]; before: TreeEntry; after: TreeEntry }[];
}

/** Compares two trees by path. Every list is sorted by the bytes of the path. */
export function compareTrees(
  before: Iterable<TreeEntry>,
  after: Iterable<TreeEntry>,
): TreeDifference {
  const old = new Map([...before].map((entry) => [entry.path, entry]));
  const fresh = new Map([...after].map((entry) => [entry.path, entry]));
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort(compareBytes);

  return {
    added: paths.flatMap((path) => (old.has(path) ? [] : (fresh.get(path) ?? []))),
    removed: paths.flatMap((path) => (fresh.has(path) ? [] : (old.get(path) ?? []))),
    changed: paths.flatMap((path) => {
      const [a, b] = [old.get(path), fresh.get(path)];
      if (a === undefined || b === undefined) return [];
      const what = factsThatDiffer(a, b);
      return what.length === 0 ? [] : [{ path, what, before: a, after: b }];
    }),
  };
}

function factsThatDiffer(a: TreeEntry, b: TreeEntry): EntryFact[] {
  const differs: [EntryFact, boolean][] = [
    ['type', a.type !== b.type],
    ['content', a.type === b.type && contentOf(a) !== contentOf(b)],
    ['mode', a.mode !== b.mode],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['xattrs', xattrsOf(a) !== xattrsOf(b)],
  ];
  return differs.flatMap(([name, isSo]) => (isSo ? [name] : []));
}

/** What identifies the content of a file, the target of a link, or a device. */
function contentOf({ size, target, rdev, content, verity }: TreeEntry): string {
  return JSON.stringify([size, target ?? null, rdev ?? null, content ?? null, verity ?? null]);
}

function xattrsOf({ xattrs = {} }: TreeEntry): string {
  return JSON.stringify(Object.entries(xattrs).sort(([a], [b]) => compareBytes(a, b)));
}
