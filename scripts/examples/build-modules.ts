import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, type BuildResult, buildModule } from '../../cli/build/build-module.ts';
import { outputNames } from '../../cli/build/outputs.ts';
import { readOptional } from '../../cli/build/packages/required-modules.ts';
import { readManifest } from '../../cli/build/read-manifest.ts';
import { readRootfs } from '../../cli/build/rootfs.ts';
import { sourceDate } from '../../cli/build/source-date.ts';
import { isGantryError } from '../../shared/base/error.ts';
import { idTableName, lockFileName, parseIds } from '../../shared/packages/index.ts';
import type { RootFacts } from './root-checks.ts';

export interface Workshop {
  /** The modules that are built, each after those that it requires. */
  names: readonly string[];
  /** Such as `debian-12-amd64`. */
  platform: string;
  /** The committed modules. */
  examples: string;
  /** What later runs use again: packages, bases and locks. */
  kept: string;
  /** The copy of the modules in which they are built, because a build writes locks and ids. */
  copy: string;
}

/** Copies the modules, and gives each the lock of an earlier run. */
export async function prepareModules(shop: Workshop): Promise<void> {
  await cp(shop.examples, shop.copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('/dist') && !path.endsWith(`/${lockFileName}`),
  });

  for (const name of shop.names) {
    const lock = await readOptional(keptLock(shop, name));
    if (lock !== undefined) await writeFile(join(shop.copy, name, lockFileName), lock);
  }
}

const keptLock = ({ kept, platform }: Workshop, name: string) =>
  join(kept, 'locks', platform, `${name}.json`);

/** Builds one module with its packages. A lock that no longer fits is made again. */
export async function buildExample(
  shop: Workshop,
  name: string,
  out = join(shop.copy, name, 'dist'),
): Promise<BuildResult> {
  const directory = join(shop.copy, name);
  const { seconds } = await sourceDate(shop.examples, process.env.SOURCE_DATE_EPOCH);
  const packages = { platform: shop.platform, cache: join(shop.kept, 'cache') };
  const options: BuildOptions = {
    directory,
    out,
    dryRun: false,
    sourceDateEpoch: String(seconds),
    packages,
  };

  const built = await buildModule(options).catch((error: unknown) => {
    if (!isGantryError(error, 'lock_stale')) throw error;
    return buildModule({ ...options, packages: { ...packages, updateLock: true } });
  });

  // A module without packages has none.
  const lock = await readOptional(join(directory, lockFileName));
  if (lock !== undefined) {
    await mkdir(join(shop.kept, 'locks', shop.platform), { recursive: true });
    await writeFile(keptLock(shop, name), lock);
  }
  return built;
}

/** The table of ids is committed, so the builds of the examples add nothing to it. */
export async function checkIdTable(shop: Workshop): Promise<void> {
  const committed = await readFile(join(shop.examples, idTableName), 'utf8');
  const built = await readFile(join(shop.copy, idTableName), 'utf8');
  if (built === committed) return;

  const kept = join(shop.kept, idTableName);
  await writeFile(kept, built);
  throw new Error(
    `expected ${idTableName} with the ids of all users, found new users; copy ${kept} over ${shop.examples}/${idTableName} and commit it`,
  );
}

/** Reads what the built modules say of the root. */
export async function readRootFacts({ names, copy }: Workshop): Promise<RootFacts> {
  const facts = { packages: new Set<string>(), own: new Set<string>(), units: new Map() };
  const idsPath = join(copy, idTableName);

  for (const name of names) {
    const directory = join(copy, name);
    const list = await readFile(join(directory, 'dist', outputNames.package_list), 'utf8');
    for (const line of list.split('\n')) if (line !== '') facts.packages.add(line);
    for (const { path } of await readRootfs(join(directory, 'rootfs'))) facts.own.add(path);

    const { manifest } = await readManifest(join(directory, 'manifest.yaml'));
    for (const { name: unit, unit_body } of manifest.services ?? [])
      if (unit_body !== undefined) facts.units.set(unit, unit_body);
  }

  return { ...facts, ids: parseIds(await readFile(idsPath, 'utf8'), idsPath) };
}
