import { cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { projectRoot } from '../local-cloud.ts';
import { run } from '../run.ts';
import type { Architecture } from './runtime.ts';

/** A file or folder of a package: where it comes from → where it goes. Modes are 755 and 644. */
export type Files = Readonly<Record<string, string>>;

export interface DebianPackage {
  name: string;
  architecture: Architecture | 'all';
  summary: string;
  description: string;
  /** `Depends`, `Recommends`, `Suggests`. */
  relations: Record<string, string>;
  /** Relative to the root directory; maintainer scripts are in `DEBIAN`. */
  files: Files;
}

interface Release {
  version: string;
  /** SOURCE_DATE_EPOCH: no file is younger. */
  seconds: number;
}

/** Writes `<name>_<version>_<architecture>.deb` and returns its name. Equal input, equal bytes. */
export async function writeDeb(
  one: DebianPackage,
  { version, seconds }: Release,
  { work, out }: { work: string; out: string },
): Promise<string> {
  const tree = join(work, `${one.name}-${one.architecture}`);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await placeFiles(one.files, tree);
  await writeFile(join(tree, 'DEBIAN/control'), await controlOf(one, version, tree));
  await run('chmod', ['--recursive', 'u=rwX,go=rX', tree]);

  const name = `${one.name}_${version}_${one.architecture}.deb`;
  await run('dpkg-deb', [...compression, '--root-owner-group', '--build', tree, join(out, name)], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
  });
  return name;
}

/** dpkg knows zstd since Debian 12 and Ubuntu 22.04. Higher levels gain a tenth in ten times. */
const compression = ['-Zzstd', '-z12'];

/** Copies files and folders into a tree. */
export async function placeFiles(files: Files, tree: string): Promise<void> {
  for (const [from, to] of Object.entries(files)) {
    await mkdir(dirname(join(tree, to)), { recursive: true });
    await cp(resolve(projectRoot, from), join(tree, to), { recursive: true });
  }
}

async function controlOf(one: DebianPackage, version: string, tree: string): Promise<string> {
  const fields = {
    Package: one.name,
    Version: version,
    Architecture: one.architecture,
    Maintainer: 'The Gantry maintainers <maintainers@gantry.example>',
    'Installed-Size': Math.ceil((await sizeOf(tree)) / 1024),
    ...one.relations,
    Section: 'admin',
    Priority: 'optional',
    Description: `${one.summary}\n ${one.description}`,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** The bytes of all files. Sizes of folders differ from one file system to the next. */
async function sizeOf(tree: string): Promise<number> {
  const found = await readdir(tree, { recursive: true, withFileTypes: true });
  const files = found.filter((one) => one.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
