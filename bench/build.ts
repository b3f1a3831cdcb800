import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DebCache } from '../cli/build/packages/deb-cache.ts';
import { makeLocalArchive } from '../cli/build/packages/local-archive.ts';
import { type LockSection, parseLock } from '../shared/packages/index.ts';
import { best, type Cost, measureNode, measurePeer } from './measure.ts';

/**
 * `gantry module build` of real packages of Debian 12, beside mmdebstrap alone with the same .debs
 * from the disk. Needs root, mmdebstrap and a mirror of Debian: `npm run bench build`.
 */
export const name = 'build';
export const onRequest = true;

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const platform = 'debian-12-amd64';
/** A build with the required modules' tree cached takes at most so much longer than mmdebstrap. */
const slowdownMax = 1.3;
/** Two runs each: a run takes half a minute. */
const runs = 2;

const manifests = {
  base: 'package_spec: [systemd, systemd-sysv, dbus]\n',
  web: 'package_spec: [nginx, redis-server, chrony]\nfile_spec: ["/etc/nginx/**"]\ndependencies: {requires: ["base@*"]}\n',
};
const shippedFile = 'rootfs/etc/nginx/conf.d/app.conf';

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-build-'));
  try {
    await measureBuilds(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureBuilds(directory: string): Promise<void> {
  process.env.XDG_CACHE_HOME = join(directory, 'cache');
  process.env.SOURCE_DATE_EPOCH = '1764000000';
  for (const [module, manifest] of Object.entries(manifests)) {
    put(directory, `${module}/manifest.yaml`, `schema_version: 1\nname: ${module}\n${manifest}`);
  }
  put(directory, `web/${shippedFile}`, '# one\n');

  const build = (module: string) =>
    measureNode(process.execPath, [main, 'module', 'build', join(directory, module), '--json']);
  print('required modules, with download', build('base'));
  print('first build, no lock', build('web'));
  const first = readTar(directory);

  rmSync(join(directory, 'cache/gantry/bases'), { recursive: true });
  const cold = build('web');
  print('lock, no base tree', cold);
  const warm = best(runs, () => build('web'));
  print('lock and base tree', warm);

  const alone = await measureAlone(directory);
  print('mmdebstrap alone', alone);

  if (!readTar(directory).equals(first)) throw new Error('expected every build to have one digest');
  put(directory, `web/${shippedFile}`, '# two\n');
  build('web');
  printUpdate(first, readTar(directory));

  const slowdown = warm.wallMs / alone.wallMs;
  process.stdout.write(`  ${slowdown.toFixed(2)} times mmdebstrap alone, at most ${slowdownMax}\n`);
  if (slowdown > slowdownMax)
    throw new Error(`the build takes ${slowdown.toFixed(2)} times as long`);
}

/** mmdebstrap of the same packages, from the same files, to a tar. */
async function measureAlone(directory: string): Promise<Cost> {
  const path = join(directory, 'web/module.lock.json');
  const section = parseLock(readFileSync(path, 'utf8'), path).platforms[platform] as LockSection;
  const { suite, architecture, packages } = section;
  const archive = join(directory, 'archive');
  mkdirSync(archive);
  const cache = new DebCache(join(directory, 'cache/gantry'));
  await makeLocalArchive(archive, packages, { cache, suite, architecture });

  const include = packages.map(({ name: one }) => one).join(',');
  const mirror = `deb [trusted=yes] copy:${archive} ${suite} main`;
  const hook = '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr';
  const args = ['--variant=essential', hook, `--include=${include}`, suite];
  return best(runs, () =>
    measurePeer('mmdebstrap', [...args, join(directory, 'alone.tar'), mirror]),
  );
}

/** An agent fetches the files that changed, by their ranges. */
function printUpdate(before: Buffer, after: Buffer): void {
  const blocks = Math.ceil(Math.max(before.length, after.length) / 512);
  let changed = 0;
  for (let at = 0; at < blocks; at++) {
    const [start, end] = [at * 512, (at + 1) * 512];
    if (!before.subarray(start, end).equals(after.subarray(start, end))) changed++;
  }
  const mib = (after.length / 1024 ** 2).toFixed(1);
  process.stdout.write(
    `  one file changed: ${changed * 512} of ${after.length} bytes differ (${mib} MiB)\n`,
  );
}

function readTar(directory: string): Buffer {
  return readFileSync(join(directory, 'web/dist/module.tar'));
}

function put(directory: string, path: string, text: string): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

function print(what: string, { wallMs, rssMiB }: Cost): void {
  const memory = rssMiB === null ? '' : `${Math.round(rssMiB)} MiB`;
  const seconds = (wallMs / 1000).toFixed(1).padStart(7);
  process.stdout.write(`  ${what.padEnd(34)}${seconds} s  ${memory.padStart(8)}\n`);
}
