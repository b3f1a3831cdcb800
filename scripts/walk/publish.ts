import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../local-cloud.ts';
import { eventually, expect, readVersions, seconds, type Version, type Walk } from './context.ts';

/** The facts about the published version that the later steps need. */
export interface Published {
  id: string;
  tag: string;
  composefs: string;
  state: string;
}

/** The states of a version that a later walk continues with. */
const usableStates = ['built', 'staging', 'blessed', 'live'];

/** @returns the version that Gantry built, in this walk or in an earlier one */
export async function publishAndIngest(walk: Walk): Promise<Published> {
  walk.step('An author registers, builds, pushes and signs my-redis');
  if (await register(walk, 'userland'))
    walk.saw('signatures count when they are by author.pub; there is no transparency log here');

  const { versions } = await readVersions(walk);
  const own = versions.filter(({ version_string }) => /^0\.1\.\d+$/.test(version_string));
  const usable = own.find(({ promotion_state }) => usableStates.includes(promotion_state));

  if (usable !== undefined) {
    walk.saw(`an earlier walk published ${walk.module} ${usable.version_string}`);
    return publishedOf(usable);
  }

  return publishVersion(walk, chooseTag(own));
}

/** Registers the module with the author's key. @returns false if it was registered already */
export async function register(walk: Walk, category: string): Promise<boolean> {
  const { modules } = z
    .object({ modules: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('module', 'list')).answer);
  if (modules.some(({ name }) => name === walk.module)) return false;

  const place = ['--category', category, '--repository', walk.repository];
  const trust = ['--key', join(walk.directory, 'author.pub'), '--no-require-tlog'];
  await walk.gantry('module', 'register', walk.module, ...place, ...trust);
  return true;
}

async function publishVersion(walk: Walk, tag: string): Promise<Published> {
  const digest = await buildAndPush(walk, tag);

  await walk.gantry(
    'module',
    'sign',
    `${walk.repository}:${tag}`,
    '--key',
    join(walk.directory, 'author.key'),
  );

  walk.step('Gantry polls, verifies and ingests it');
  const pushedAt = performance.now();

  await walk.gantry('module', 'poll', walk.module);
  const version = await eventually(`${tag} to be built`, async () => {
    const { versions } = await readVersions(walk);
    return versions.find((one) => one.digest === digest);
  });

  walk.saw(
    `${walk.module} ${version.version_string} is ${version.promotion_state} after ${seconds(pushedAt)}`,
  );
  expect(version.promotion_state === 'built', `a built version, found ${version.promotion_state}`);

  return publishedOf(version);
}

function publishedOf(version: Version): Published {
  return {
    id: version.id,
    tag: `v${version.version_string}`,
    composefs: version.composefs_digest,
    state: version.promotion_state,
  };
}

/** The version that this walk publishes: the one after the highest. */
function chooseTag(versions: { version_string: string }[]): string {
  const highest = versions
    .map(({ version_string }) => Number(version_string.split('.')[2]))
    .sort((a, b) => b - a)[0];
  return `v0.1.${highest === undefined ? 0 : highest + 1}`;
}

/**
 * Copies the example, with different content in each walk and without dependencies that the walk
 * does not have.
 */
function copyModule(walk: Walk, tag: string): string {
  const directory = join(walk.directory, 'my-redis');
  rmSync(directory, { recursive: true, force: true });
  cpSync(join(projectRoot, 'examples', 'modules', walk.module), directory, {
    recursive: true,
    verbatimSymlinks: true,
  });

  const manifest = join(directory, 'manifest.yaml');
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace(/^dependencies:\n(?: .*\n)+/m, ''),
  );

  const conf = join(directory, 'rootfs', 'etc', 'redis', 'redis.conf');
  writeFileSync(conf, `${readFileSync(conf, 'utf8')}# ${tag}\n`);
  return directory;
}

/** @returns the digest of the manifest */
export async function buildAndPush(walk: Walk, tag: string): Promise<string> {
  const directory = copyModule(walk, tag);
  const dist = join(directory, 'dist');
  const built = await walk.gantry('module', 'build', directory, '--rootfs-only', '--out', dist);

  walk.saw(
    `module.tar with composefs digest ${String(built.answer.composefs_digest).slice(0, 16)}…`,
  );

  const pushed = await walk.gantry('module', 'push', dist, `${walk.repository}:${tag}`);
  walk.saw(`pushed ${pushed.answer.digest}`);
  return z.string().parse(pushed.answer.digest);
}
