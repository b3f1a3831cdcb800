import { lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { fsVerityDigest } from '../../shared/composefs/index.ts';
import { toGantryError } from '../failure.ts';
import {
  isAtOrBelow,
  locateMounted,
  type Mount,
  mountFoundError,
  readMounts,
  realName,
} from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import { dataMountPoint, outermostPaths } from '../verify/expected-tree.ts';
import {
  generationPath,
  isDirectory,
  isMountable,
  partsPath,
  sourceName,
} from './generation-names.ts';
import { makeDirectory, withParent } from './held-directory.ts';
import { bindTree, mountComposition, parts, stopSpreading, unmount } from './mount-commands.ts';
import { isInUse } from './users.ts';

/** The generation whose mounts are meant, and the machine's own paths. */
export interface MountOptions {
  paths: AgentPaths;
  number: number;
  writablePaths: readonly string[];
}

/**
 * Mounts what is not mounted yet of a generation: its root, and in it the machine's data. Mounts
 * end with a reboot, so this is called before anything uses a generation.
 *
 * @throws `mount_found` when something else is mounted there; `root_tampered` when the image is not
 * the one that its name says.
 */
export async function mountGeneration(options: MountOptions): Promise<void> {
  const { paths, number } = options;
  const found = await findGenerationMounts(options);
  if (found.foreign !== undefined) {
    throw mountFoundError(generationPath(paths, number), found.foreign.point);
  }

  const { root, points } = found;
  const made: string[] = [];
  try {
    if (!points.has(root)) {
      await mountRoot(paths, number);
      made.push(root);
    }

    for (const path of dataPaths(options)) {
      if (points.has(root + path)) continue;
      await bindData(paths, path, root);
      made.push(root + path);
    }
  } catch (error) {
    for (const point of made.reverse()) await unmount(point).catch(() => undefined);
    throw toGantryError(error, `${generationPath(paths, number)} could not be mounted`);
  }
}

async function mountRoot(paths: AgentPaths, number: number): Promise<void> {
  const from = partsPath(paths, number);
  requireOwnImage(from);
  await releaseImage(from);

  await mountComposition({
    dir: paths.dir,
    from: relative(paths.dir, from),
    store: relative(paths.dir, paths.store),
    into: relative(paths.dir, generationPath(paths, number)),
    source: sourceName(paths, number),
  });
}

/** The image carries its fs-verity digest, which names the composition, in its name. */
function requireOwnImage(from: string): void {
  const link = join(from, parts.image);
  const expected = basename(readlinkSync(link), '.erofs');
  const found = fsVerityDigest(readFileSync(link));
  if (found === expected) return;

  throw new GantryError(
    'root_tampered',
    `${link} is not the image of its composition: expected sha256:${expected}, found sha256:${found}.`,
    { expected, found },
  );
}

/** A crash between the two mounts leaves the image mounted. */
async function releaseImage(from: string): Promise<void> {
  const point = await realName(join(from, parts.erofs));
  const left = (await readMounts()).filter((mount) => mount.point === point);
  for (const _ of left) await unmount(point);
}

async function bindData({ machineData }: AgentPaths, path: string, root: string): Promise<void> {
  const below = path === dataMountPoint ? '' : path;
  const data = machineData + below;
  const point = root + path;
  // Somebody may have removed it. A root without it would take writes nowhere.
  const { mode, uid, gid } = lstatSync(point);
  if (below === '') mkdirSync(machineData, { recursive: true });
  else await makeDirectory(machineData, { path: below, mode: mode & 0o7777, uid, gid });

  // Held open, so that no link leads it elsewhere.
  const isBound = await withParent(machineData, `${below}/.`, async ({ parent }) => {
    await bindTree(parent, point);
    return true;
  });

  if (isBound === true) return;
  throw new GantryError('machine_data_unmoved', `${data} is not a directory.`, { field: data });
}

/**
 * Unmounts a generation that nothing uses: first the machine's data, then the root. Nothing of it
 * is unmounted while a process has the root, or something else is mounted in it.
 *
 * @throws `mount_found`, `mount_busy`
 */
export async function unmountGeneration(options: MountOptions): Promise<void> {
  const { paths, number } = options;
  const path = generationPath(paths, number);
  const { foreign } = await findGenerationMounts(options);
  if (foreign !== undefined) throw mountFoundError(path, foreign.point);
  if (await isInUse(paths, number)) throw mountBusyError(path);

  try {
    await unmountAll(options);
  } catch (cause) {
    // A program without a root of its own works in it, and keeps the machine's data.
    await mountGeneration(options);
    throw mountBusyError(path, cause);
  }
}

async function unmountAll(options: MountOptions): Promise<void> {
  const { own } = await findGenerationMounts(options);
  for (const { point } of own) await stopSpreading(point);
  for (const { point } of own.reverse()) await unmount(point);
  if (isMountable(options.paths, options.number)) {
    await releaseImage(partsPath(options.paths, options.number));
  }
}

/** What a mounted generation lacks, as the end of a sentence; undefined when nothing. */
export async function findMountFault(options: MountOptions): Promise<string | undefined> {
  const { root, points, foreign } = await findGenerationMounts(options);
  if (foreign !== undefined) return `has a mount that is not the agent's at ${foreign.point}`;
  if (!points.has(root)) return 'is not mounted';

  const missing = dataPaths(options).find((path) => !points.has(root + path));
  return missing === undefined ? undefined : `lacks the machine's data at ${missing}`;
}

interface GenerationMounts {
  /** The real path of the generation. */
  root: string;
  /** The mounts that the agent made, in the order of their making. */
  own: Mount[];
  points: Set<string>;
  /** The first mount that it did not make. */
  foreign: Mount | undefined;
}

async function findGenerationMounts(options: MountOptions): Promise<GenerationMounts> {
  const { paths, number } = options;
  const table = await readMounts();
  const root = await realName(generationPath(paths, number));
  const inside = table.filter(({ point }) => isAtOrBelow(point, root));

  const source = isMountable(paths, number) ? sourceName(paths, number) : undefined;
  const data = { real: await realName(paths.machineData), paths: dataPaths(options) };
  const isOwn = (mount: Mount) =>
    source !== undefined &&
    (mount.point === root ? mount.source === source : isCopyOfData(mount, { root, data, table }));

  const own = inside.filter(isOwn);
  const points = new Set(own.map(({ point }) => point));
  return { root, own, points, foreign: inside.find((mount) => !isOwn(mount)) };
}

/** Whether a mount shows what is at the same path among the machine's data. */
function isCopyOfData(
  mount: Mount,
  context: { root: string; data: { real: string; paths: string[] }; table: Mount[] },
): boolean {
  const { root, data, table } = context;
  const path = data.paths.find((each) => isAtOrBelow(mount.point, root + each));
  if (path === undefined) return false;

  const below = mount.point.slice(root.length);
  const origin = data.real + (path === dataMountPoint ? below.slice(path.length) : below);
  const { device, root: shown } = locateMounted(table, origin);
  return mount.device === device && mount.root === shown;
}

/**
 * The machine's paths that are directories of the machine's data in this generation. Any other is a
 * link to the data.
 */
function dataPaths({ paths, number, writablePaths }: MountOptions): string[] {
  const top = join(partsPath(paths, number), parts.top);
  return [dataMountPoint, ...outermostPaths(writablePaths)].filter((path) =>
    isDirectory(join(top, path)),
  );
}

function mountBusyError(path: string, cause?: unknown): GantryError {
  return new GantryError(
    'mount_busy',
    `${path} stays mounted: expected no process to use it, found one. Stop it ("fuser -vm ${path}" names it).`,
    { field: path, cause },
  );
}
