import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { outputNames } from '../build/outputs.ts';

/** A module.tar as `gantry module build` leaves it. */
export interface BuildFile {
  tar: string;
  /** From `<dir>/<platform>/module.tar`; null for a build that is for all platforms. */
  platform: string | null;
}

/**
 * Finds the builds at a path: a tar, a directory with a module.tar, or one with a directory for
 * each platform.
 * @throws GantryError `io_error`, `layer_too_large`
 */
export async function findBuilds(path: string): Promise<BuildFile[]> {
  if (!(await statOf(path)).isDirectory()) return [await checkTar({ tar: path, platform: null })];

  const names = (await readdir(path)).sort();
  if (names.includes(outputNames.module))
    return [await checkTar({ tar: join(path, outputNames.module), platform: null })];

  const builds: BuildFile[] = [];
  for (const platform of names) {
    const tar = join(path, platform, outputNames.module);
    if (await exists(tar)) builds.push(await checkTar({ tar, platform }));
  }
  if (builds.length > 0) return builds;

  throw new GantryError(
    'io_error',
    `expected a module.tar in ${path}, or in a directory for each platform there, found none; run "gantry module build" first`,
  );
}

async function checkTar(build: BuildFile): Promise<BuildFile> {
  const info = await statOf(build.tar);
  if (!info.isFile())
    throw new GantryError(
      'io_error',
      `expected a module.tar at ${build.tar}, found something else`,
    );

  if (info.size > limits.layerBytesMax) {
    throw new GantryError(
      'layer_too_large',
      `expected a ${basename(build.tar)} of at most ${limits.layerBytesMax} bytes, found ${info.size}`,
      { expected: limits.layerBytesMax, found: info.size },
    );
  }

  return build;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected a module.tar at ${path}, found none; run "gantry module build" first`,
      { cause },
    );
  }
}
