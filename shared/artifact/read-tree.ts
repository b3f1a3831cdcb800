import { limits } from '../base/limits/index.ts';
import { plainDirectory, type TreeEntry } from '../domain/files/index.ts';
import { MemberContent, treeEntry } from './member.ts';
import { ModuleTree } from './module-tree.ts';
import type { TarMember } from './tar-member.ts';
import { TarParser } from './tar-parser.ts';
import { memberPath } from './tar-path.ts';

/**
 * Reads a tar of a whole root file system, as mmdebstrap writes it, in one pass. Hard links become
 * files of their own. Paths start at `/`; offsets are those of the archive.
 *
 * @throws GantryError with a `tar_…` code; errors of the source pass through
 */
export async function readTreeTar(source: AsyncIterable<Uint8Array>): Promise<TreeEntry[]> {
  const parser = new TarParser();
  const tree = new ModuleTree();
  // Until its member is read: mmdebstrap writes the devices before it.
  const root: TreeEntry = { path: '/', ...plainDirectory };
  tree.add(root);
  const content = new MemberContent();

  for await (const chunk of source) {
    for (const event of parser.push(chunk)) {
      if (event.kind === 'member') addMember(event.member, { tree, root }, content);
      else await content.take(event);
    }
  }

  parser.end();
  return tree.entries();
}

function addMember(
  member: TarMember,
  { tree, root }: { tree: ModuleTree; root: TreeEntry },
  content: MemberContent,
): void {
  const path = treePath(member.name, 'the entry', member.typeflag === '5');
  if (member.typeflag === '1') {
    const target = treePath(member.linkName, 'the target of a hard link', false);
    tree.add({ ...tree.hardLinkTarget(target, path), path });
    return;
  }

  const rules = { allowDevices: true, bytesMax: limits.layerBytesMax };
  const entry = treeEntry(path, member, rules);
  if (path === '/') {
    Object.assign(root, entry);
    return;
  }

  tree.add(entry);
  if (entry.type === 'file' && member.size > 0) content.openFile(entry, member, undefined);
}

function treePath(name: Buffer, what: string, directory: boolean): string {
  const path = memberPath(name, what, directory);
  return path === '.' ? '/' : `/${path}`;
}
