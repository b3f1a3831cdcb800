import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readTreeTar } from '../../../shared/artifact/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import type { LockedPackage } from '../../../shared/packages/index.ts';
import { diskError } from './disk-error.ts';
import { requireArchitecture } from './emulation.ts';
import { runTool } from './run-tool.ts';
import { toolError } from './tool-errors.ts';

export interface TreeBuild {
  /** Directory of this tree, empty. */
  directory: string;
  /** The local archive that has exactly these packages. */
  archive: string;
  debs: readonly LockedPackage[];
  architecture: string;
  suite: string;
  /** Later times become this one. */
  epoch: number;
  /** Script that makes the users and groups, run before other packages' scripts. */
  accountsScript: string;
  onStep: (step: string) => void;
}

/** A tree that mmdebstrap made, in a tar. */
export interface BuiltTree {
  entries: TreeEntry[];
  tar: string;
}

/**
 * Installs packages into a new tree, with their maintainer scripts, and keeps it as a tar.
 *
 * As root, all of it runs in namespaces of its own without a network: when this process dies, so do
 * its processes and mounts. Without root, mmdebstrap makes a user namespace.
 *
 * @throws GantryError `script_failed`, `disk_full`, `build_privileges`, `prerequisite_missing`,
 * `packages_conflict`, `build_failed`
 */
export async function buildTree(build: TreeBuild): Promise<BuiltTree> {
  const temporary = join(build.directory, 'tmp');
  await mkdir(temporary, { recursive: true });
  await chmod(temporary, 0o1777);
  const setup = await writeHook(build, 'setup', setupHook(build.debs));
  const accounts = await writeHook(build, 'accounts', build.accountsScript);

  const tar = join(build.directory, 'tree.tar');
  const isRoot = process.getuid?.() === 0;
  const args = [
    `--mode=${isRoot ? 'root' : 'unshare'}`,
    '--variant=essential',
    '--format=tar',
    `--architectures=${build.architecture}`,
    `--setup-hook=${setup} "$1"`,
    `--essential-hook=${accounts} "$1"`,
    ...includeOf(build.debs),
    '--verbose',
    build.suite,
    '-',
    `deb [trusted=yes] copy:${build.archive} ${build.suite} main`,
  ];

  const { code, lines } = await runTool({
    program: isRoot ? 'unshare' : 'mmdebstrap',
    args: isRoot ? [...namespaces, ...args] : args,
    env: { SOURCE_DATE_EPOCH: String(build.epoch), TMPDIR: temporary },
    onLine: (line) => {
      const step = /^I: (\w.*?)\.\.\.$/.exec(line)?.[1];
      if (step !== undefined) build.onStep(step);
    },
    consume: (output) => pipeline(output, createWriteStream(tar, { flags: 'wx' })),
  }).catch((error: unknown) => {
    throw diskError(error, build.directory);
  });

  if (code !== 0) {
    // Scripts fail in many ways when the machine stops to run the architecture in the meantime.
    await requireArchitecture(build.architecture);
    throw toolError('mmdebstrap', lines);
  }

  const entries = await readTreeTar(createReadStream(tar, { highWaterMark: 1024 * 1024 }));
  return { entries, tar };
}

/** The host's name is not the tree's: scripts write it into certificates and configuration. */
const namespaces = [
  '--mount',
  '--pid',
  '--fork',
  '--kill-child=KILL',
  '--mount-proc',
  '--uts',
  '--ipc',
  '--net',
  'sh',
  '-c',
  'hostname localhost && exec mmdebstrap "$@"',
  'mmdebstrap',
];

function includeOf(debs: readonly LockedPackage[]): string[] {
  return debs.length === 0 ? [] : [`--include=${debs.map(({ name }) => name).join(',')}`];
}

async function writeHook(build: TreeBuild, name: string, commands: string): Promise<string> {
  const path = join(build.directory, `${name}.sh`);
  await writeFile(path, `#!/bin/sh\nset -eu\n${commands}`, { mode: 0o755 });
  return path;
}

/**
 * Replaces what mmdebstrap copies from the host, and makes the links of a merged /usr where the
 * packages expect it.
 */
function setupHook(debs: readonly LockedPackage[]): string {
  const names = ['bin', 'sbin', 'lib', 'lib64'];
  const isMerged = debs.some(({ name }) => name === 'usr-is-merged');
  const links = names.map(
    (name) =>
      `[ -e "$1/${name}" ] || { mkdir -p "$1/usr/${name}" && ln -s usr/${name} "$1/${name}"; }`,
  );

  return [
    'echo localhost > "$1/etc/hostname"',
    ': > "$1/etc/resolv.conf"',
    ...(isMerged ? links : []),
    '',
  ].join('\n');
}

/** Reads one file of a tree from its tar. */
export function openFromTar(tar: string, entry: TreeEntry): AsyncIterable<Uint8Array> {
  const start = entry.offset;
  if (start === undefined || entry.size === 0) return Readable.from([]);
  return createReadStream(tar, { start, end: start + entry.size - 1 });
}

/** Reads one text file of a tree; the empty string if it has none. */
export async function readFromTar(tree: BuiltTree, path: string): Promise<string> {
  const entry = tree.entries.find((one) => one.path === path && one.type === 'file');
  if (entry === undefined) return '';
  const chunks: Uint8Array[] = [];
  for await (const chunk of openFromTar(tree.tar, entry)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
