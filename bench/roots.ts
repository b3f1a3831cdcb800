import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildGeneration, switchGeneration } from '../agent/apply/generation.ts';
import { unmountGeneration } from '../agent/mount/generation-mounts.ts';
import { findMountObstacle } from '../agent/mount/probe.ts';
import { type AgentPaths, agentPaths } from '../agent/paths.ts';
import { expectedTree } from '../agent/verify/expected-tree.ts';
import { Store } from '../agent/verify/store.ts';
import { composefsImage, fsVerityDigest } from '../shared/composefs/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';

/**
 * A root of 10,000 files as a mount and as a copy, the return to an earlier one, and 1,000 switches
 * under eight processes that open and stat.
 */
export const name = 'roots';

const fileCount = 10_000;
const fileBytes = 30_000;
const switchCount = 1_000;
const readerCount = 8;
const rollbackMsMax = 5_000;
const own = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0 };

export async function run(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-bench-roots-'));
  const paths = agentPaths(dir);
  let made = 0;
  try {
    const obstacle = await findMountObstacle(paths);
    if (obstacle !== undefined) {
      process.stdout.write(`  this machine cannot mount: ${obstacle}\n`);
      return;
    }

    const store = await prepare(paths);
    for (const layout of ['copy', 'mount', 'mount'] as const) {
      const ms = await build(paths, store, ++made, layout);
      say(`${fileCount} files, ${megabytes()} MB, as a ${layout}`, `${ms.toFixed(0)} ms`);
    }

    await unmountGeneration({ paths, number: 2, writablePaths: [] });
    const rollback = await measure(() => switchGeneration({ paths, number: 2, writablePaths: [] }));
    say('return to a root that is not mounted', `${rollback.toFixed(0)} ms`);
    if (rollback > rollbackMsMax) throw new Error(`expected at most ${rollbackMsMax} ms`);

    await switchUnderReaders(paths);
  } finally {
    for (const number of [2, 3].filter((each) => each <= made)) {
      await unmountGeneration({ paths, number, writablePaths: [] });
    }
    await rm(dir, { recursive: true, force: true });
  }
}

async function prepare(paths: AgentPaths): Promise<Store> {
  const store = new Store(paths.store);
  for (const path of [paths.generations, paths.images, paths.machineData]) await mkdir(path);
  await store.prepare();
  return store;
}

/**
 * Makes a root whose files `a` and `b` say its number, among others that all roots share. Its
 * content is in the store already.
 *
 * @returns how long it took, in milliseconds
 */
async function build(
  paths: AgentPaths,
  store: Store,
  number: number,
  layout: 'copy' | 'mount',
): Promise<number> {
  const entries: TreeEntry[] = [{ ...own, path: '/', type: 'directory', mode: 0o755, size: 0 }];
  const addFile = async (path: string, content: Buffer) => {
    const verity = fsVerityDigest(content);
    await writeObject(store.objectPath(verity), content);
    entries.push({ ...own, path, type: 'file', mode: 0o644, size: content.length, verity });
  };

  for (const path of ['/a', '/b']) await addFile(path, Buffer.alloc(100, `${number} `));
  for (let index = 0; index < fileCount; index++) {
    await addFile(`/file-${index}`, Buffer.alloc(fileBytes, `${index} `));
  }

  const { image } = composefsImage(entries);
  const imageName = `${fsVerityDigest(image)}.erofs`;
  await writeFile(join(paths.images, imageName), image);
  const nothing = { owners: new Map(), rendered: [], metadata: {}, writablePaths: [] };
  const tree = expectedTree({ entries, ...nothing });
  const imageLink = `../../images/${imageName}`;
  const desiredState = Buffer.from('bench');
  return measure(async () => {
    await buildGeneration({
      ...{ paths, store, tree, layout, desiredState },
      image: imageLink,
      writablePaths: [],
    });
  });
}

async function writeObject(path: string, content: Buffer): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function switchUnderReaders(paths: AgentPaths): Promise<void> {
  const readers = await Promise.all(
    Array.from({ length: readerCount }, () => startReader(paths.current)),
  );
  const ms = await measure(async () => {
    for (let index = 0; index < switchCount; index++) {
      await switchGeneration({ paths, number: 2 + (index % 2), writablePaths: [] });
    }
  });

  const seen = await Promise.all(readers.map(stopReader));
  const sum = (key: 'looks' | 'missing' | 'mixed') =>
    seen.reduce((total, one) => total + one[key], 0);
  say(`${switchCount} switches under ${readerCount} processes`, `${ms.toFixed(0)} ms`);
  say('their looks', String(sum('looks')));
  if (sum('missing') + sum('mixed') === 0) return;
  throw new Error(`found ${sum('missing')} missing files and ${sum('mixed')} mixed roots`);
}

async function startReader(current: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'roots/reader.ts');
  const reader = spawn(process.execPath, [script, current, 'a', 'b'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(reader.stdout, 'readable');
  return reader;
}

async function stopReader(
  reader: ChildProcess,
): Promise<{ looks: number; missing: number; mixed: number }> {
  reader.kill('SIGTERM');
  const said = await text(reader.stdout as NodeJS.ReadableStream);
  return JSON.parse(said.trim().split('\n').at(-1) ?? '');
}

async function measure(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function megabytes(): number {
  return Math.round((fileCount * fileBytes) / 1e6);
}

function say(what: string, value: string): void {
  process.stdout.write(`  ${what.padEnd(44)} ${value}\n`);
}
