import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import {
  type ExtensionTree,
  type ReadExtension,
  readExtensionTree,
} from '../../shared/extension/index.ts';
import { readDirectory } from './extension-place.ts';

/**
 * Checks a directory and packs it as `.tar.gz`, below a folder `<name>-<version>`. `archive` is
 * undefined if it is invalid. Times and owners are fixed, so the same files give the same bytes.
 */
export async function packExtension(
  directory: string,
): Promise<{ result: ReadExtension; archive?: Buffer }> {
  const tree = await readDirectory(directory);
  const result = readExtensionTree(tree);
  if (result.manifest === null) return { result };

  const { name, version } = result.manifest.metadata;
  return { result, archive: await packTree(tree, `${name}-${version}`) };
}

async function packTree({ entries }: ExtensionTree, top: string): Promise<Buffer> {
  const tar = pack();
  const archive = buffer(tar.pipe(createGzip({ level: 9 })));

  for (const entry of entries) {
    const name = `${top}/${entry.path}`;
    const plain = { name, mtime: new Date(0), uid: 0, gid: 0 };
    if (entry.kind === 'link') {
      tar.entry({ ...plain, type: 'symlink', linkname: entry.target, mode: 0o777 });
      continue;
    }

    tar.entry({ ...plain, mode: entry.executable ? 0o755 : 0o644 }, entry.bytes);
  }

  tar.finalize();
  return archive;
}
