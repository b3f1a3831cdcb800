import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { FsVerity } from './fs-verity.ts';
import { getfattrOptions, parseGetfattr } from './getfattr.ts';
import { ComposefsNode, fileType, isKnownType, sortChildren } from './node.ts';

const readBytes = 1 << 20;
/** More than the xattrs of a million files have in base64. */
const getfattrBytesMax = 1 << 30;

export interface DirectoryOptions {
  /**
   * Content of files that the image does not contain is copied here, as `xx/rest of the digest`.
   */
  digestStore?: string;
  /** Receives one sentence that says what the tree lacks. */
  warn?: (sentence: string) => void;
}

/**
 * Reads a directory as mkcomposefs does: `lstat` of everything, the content of files up to 64
 * bytes, and the fs-verity digest of longer ones. Each hard link becomes its own file, and names
 * are read as bytes. Node cannot read extended attributes, so the program `getfattr` (Debian: attr)
 * reads them. Without it the tree has none, and `warn` is called.
 *
 * @throws GantryError `io_error` with the path as `field` when something cannot be read or stored
 */
export function treeFromDirectory(
  directory: string,
  { digestStore, warn = () => {} }: DirectoryOptions = {},
): ComposefsNode {
  const base = Buffer.from(directory);
  const root = attempt(base, () => nodeFrom(base, '', digestStore));
  if (!root.isDirectory)
    throw new GantryError('io_error', `expected ${directory} to be a directory, found a file`);

  const all = new Map<string, ComposefsNode>([[base.toString('latin1'), root]]);
  const pending = [{ node: root, path: base }];

  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node, path } = next;
    for (const name of attempt(path, () => fs.readdirSync(path, 'buffer'))) {
      const childPath = Buffer.concat([path, Buffer.from('/'), name]);
      const child = attempt(childPath, () =>
        nodeFrom(childPath, name.toString('latin1'), digestStore),
      );

      node.children.push(child);
      all.set(childPath.toString('latin1'), child);
      if (child.isDirectory) pending.push({ node: child, path: childPath });
    }
  }

  readXattrs(directory, all, warn);
  sortChildren(root, (twin) => {
    throw new GantryError(
      'io_error',
      `${directory} changed while it was read: ${twin.name} was listed twice`,
    );
  });

  return root;
}

function nodeFrom(path: Buffer, name: string, digestStore: string | undefined): ComposefsNode {
  const stat = fs.lstatSync(path, { bigint: true });
  const node = new ComposefsNode(name, Number(stat.mode) & 0xffff);
  if (!isKnownType(node.mode))
    throw new GantryError('tree_invalid', 'expected a known type of file, found another');

  node.uid = Number(stat.uid);
  node.gid = Number(stat.gid);
  node.rdev = Number(BigInt.asUintN(32, stat.rdev));
  node.size = Number(stat.size);
  // stat's nanoseconds count from 1970, so before it the seconds must be rounded down.
  node.mtimeNs = Number(((stat.mtimeNs % billion) + billion) % billion);
  node.mtime = Number((stat.mtimeNs - BigInt(node.mtimeNs)) / billion);

  if (node.type === fileType.symlink) {
    node.payload = fs.readlinkSync(path, 'buffer').toString('latin1');
    node.size = node.payload.length;
  } else if (node.type === fileType.regular && node.size > 0) {
    readContent(path, node, digestStore);
  }

  return node;
}

const billion = 1_000_000_000n;

function readContent(path: Buffer, node: ComposefsNode, digestStore: string | undefined): void {
  if (node.size <= limits.inlineFileBytesMax) {
    node.content = fs.readFileSync(path).toString('latin1');
    if (node.content.length === node.size) return;

    throw new GantryError(
      'io_error',
      `expected ${node.size} bytes, found ${node.content.length}: it changed`,
    );
  }

  node.digest = digestOf(path);
  node.payload = `${node.digest.slice(0, 2)}/${node.digest.slice(2)}`;
  if (digestStore !== undefined) copyToStore(path, node, digestStore);
}

const buffer = Buffer.allocUnsafeSlow(readBytes);

function digestOf(path: Buffer | string): string {
  const file = fs.openSync(path, 'r');
  try {
    const verity = new FsVerity();
    for (let bytes = fs.readSync(file, buffer); bytes > 0; bytes = fs.readSync(file, buffer)) {
      verity.update(buffer.subarray(0, bytes));
    }
    return verity.digestHex();
  } finally {
    fs.closeSync(file);
  }
}

/**
 * Copies under a temporary name, checks the copy, and renames it. So the store never shows partial
 * or wrong content.
 */
function copyToStore(path: Buffer, node: ComposefsNode, store: string): void {
  const final = `${store}/${node.payload}`;
  if (fs.existsSync(final)) return;

  fs.mkdirSync(`${store}/${node.payload.slice(0, 2)}`, { recursive: true, mode: 0o755 });
  const temporary = `${store}/.tmp-${process.pid}-${node.digest.slice(0, 16)}`;

  try {
    fs.copyFileSync(path, temporary, fs.constants.COPYFILE_FICLONE);
    if (digestOf(temporary) !== node.digest) {
      throw new GantryError(
        'io_error',
        'expected the digest of a moment ago, found another: it changed',
      );
    }

    fs.chmodSync(temporary, 0o644);
    const file = fs.openSync(temporary, 'r');

    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(temporary, final);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

function readXattrs(
  directory: string,
  nodes: Map<string, ComposefsNode>,
  warn: (sentence: string) => void,
): void {
  const result = spawnSync('getfattr', [...getfattrOptions, '--', directory], {
    maxBuffer: getfattrBytesMax,
  });
  if (result.error || result.status !== 0) {
    const { error } = result;
    const missing = error !== undefined && 'code' in error && error.code === 'ENOENT';
    const why = missing
      ? 'the program getfattr is not installed'
      : (error?.message ?? result.stderr.toString().trim());

    warn(`extended attributes were not read, because ${why}`);
    return;
  }

  for (const [path, xattrs] of parseGetfattr(result.stdout.toString('latin1'))) {
    const node = nodes.get(path);
    if (node) node.xattrs = xattrs;
  }
}

/** Adds the path to an error. */
function attempt<T>(path: Buffer, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const shown = path.toString('utf8');
    const code = error instanceof GantryError ? error.code : 'io_error';
    const message = error instanceof Error ? error.message : String(error);
    throw new GantryError(code, `${shown}: ${message}`, { field: shown, cause: error });
  }
}
