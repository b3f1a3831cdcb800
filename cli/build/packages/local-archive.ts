import { copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockedPackage } from '../../../shared/packages/index.ts';
import type { DebCache } from './deb-cache.ts';
import { diskError } from './disk-error.ts';

/**
 * Lays out the locked packages as an archive of their own, so that mmdebstrap can choose nothing
 * else and needs no network. It is unsigned: each .deb was checked against the lock's SHA-256.
 */
export async function makeLocalArchive(
  directory: string,
  debs: readonly LockedPackage[],
  { cache, suite, architecture }: { cache: DebCache; suite: string; architecture: string },
): Promise<void> {
  const index = join(directory, 'dists', suite, 'main', `binary-${architecture}`);
  const pool = join(directory, 'pool');
  await mkdir(index, { recursive: true });
  await mkdir(pool, { recursive: true });

  const stanzas: string[] = [];
  for (const deb of debs) {
    const name = `pool/${deb.sha256}.deb`;
    await linkOrCopy(cache.path(deb), join(directory, name));
    const control = (await cache.control(deb)).trimEnd();
    stanzas.push(`${control}\nFilename: ${name}\nSize: ${deb.size}\nSHA256: ${deb.sha256}\n`);
  }

  await writeFile(join(index, 'Packages'), stanzas.join('\n'));
  await writeFile(
    join(directory, 'dists', suite, 'Release'),
    `Origin: gantry\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: ${architecture}\nComponents: main\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n`,
  );
}

/** Another disk, or another owner's file, cannot be linked. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to).catch((error: unknown) => {
      throw diskError(error, to);
    });
  }
}
