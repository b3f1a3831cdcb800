import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { ancestorPaths } from '../../shared/domain/files/index.ts';
import { errnoOf } from '../failure.ts';
import { syncFileSystem } from '../files.ts';
import { withParent } from '../mount/held-directory.ts';
import { type AgentPaths, machineDataName } from '../paths.ts';
import { dataLink, dataMountPoint, outermostPaths } from '../verify/expected-tree.ts';
import type { Generation } from './generation.ts';
import { isRoot } from './tree-paths.ts';

/**
 * Moves the machine's data out of the running generation, where earlier agents kept it, and leaves
 * links in its place. Nothing is copied: each path moves by one rename, together with what is
 * mounted below it. The next run completes what a crash left half done, and a second run changes
 * nothing.
 *
 * @throws `machine_data_unmoved` when a path is a mount point, is on another file system, or is
 * also among the machine's data already. It stays where it is.
 */
export async function moveMachineData(
  { machineData }: AgentPaths,
  { path: generation }: Generation,
  writablePaths: string[],
): Promise<void> {
  const isMoved = await hasMountPoint(generation);

  for (const path of outermostPaths(writablePaths)) {
    await withParent(generation, path, async ({ parent }) => {
      const source = `${parent}/${path.slice(path.lastIndexOf('/') + 1)}`;
      movePath({ path, source, generation, machineData, isMoved });
    });
  }

  if (isMoved) return;
  await syncFileSystem(machineData);
  await makeMountPoint(generation);
}

interface Move {
  /** The machine's path, in a root. */
  path: string;
  /** Where it is in the generation, by a name that no link can lead elsewhere. */
  source: string;
  generation: string;
  machineData: string;
  /** Whether the data of this generation was moved before. */
  isMoved: boolean;
}

function movePath({ path, source, generation, machineData, isMoved }: Move): void {
  const shown = join(generation, path);
  const target = join(machineData, path);
  const stat = readStat(source);
  const isThere = readStat(target) !== undefined;

  if (stat === undefined) {
    // A crash came between the rename and the link. Later, a missing link is tampering.
    if (isMoved || !isThere) return;
  } else if (isDataLink(stat, source, path)) {
    return;
  } else if (!isThere) {
    makeParents(generation, machineData, path);
    move(source, target, shown);
  } else {
    // Something was put in the place of the link: the inspection finds it.
    if (isMoved) return;
    removeEmpty(source, target, shown);
  }

  symlinkSync(dataLink(path).target as string, source);
}

/**
 * Agents that keep the data outside give each generation this directory, and earlier ones do not.
 */
async function hasMountPoint(generation: string): Promise<boolean> {
  const found = await withParent(generation, dataMountPoint, async ({ parent }) =>
    readStat(`${parent}/${machineDataName}`),
  );

  return found !== undefined;
}

async function makeMountPoint(generation: string): Promise<void> {
  await withParent(generation, dataMountPoint, async ({ parent }) =>
    mkdirSync(`${parent}/${machineDataName}`),
  );
}

function readStat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isDataLink(stat: Stats, source: string, path: string): boolean {
  return stat.isSymbolicLink() && readlinkSync(source) === dataLink(path).target;
}

/** The directories above a path are as they are in the generation. */
function makeParents(generation: string, machineData: string, path: string): void {
  for (const above of ancestorPaths(path).slice(1)) {
    const made = join(machineData, above);
    if (readStat(made) !== undefined) continue;

    const { mode, uid, gid } = lstatSync(join(generation, above));
    mkdirSync(made);
    if (isRoot) lchownSync(made, uid, gid);
    chmodSync(made, mode & 0o7777);
  }
}

function move(source: string, target: string, shown: string): void {
  try {
    renameSync(source, target);
  } catch (error) {
    const why = {
      EBUSY: `it is a mount point. Unmount it, and mount it at ${target}`,
      EXDEV: `it is on another file system. Stop what uses it, and move it to ${target}`,
    }[errnoOf(error) ?? ''];

    throw why === undefined ? error : unmovedError(shown, why);
  }
}

/** Makes room for the link where the data is moved already, as after a mount at its new place. */
function removeEmpty(source: string, target: string, shown: string): void {
  try {
    rmdirSync(source);
  } catch {
    throw unmovedError(shown, `there is also ${target}. Stop what uses them, and remove one`);
  }
}

function unmovedError(path: string, why: string): GantryError {
  return new GantryError(
    'machine_data_unmoved',
    `${path} could not be moved out of its generation: ${why}.`,
    { field: path },
  );
}
