import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../../infra/bundle.ts';
import { compareBytes } from '../../shared/domain/files/index.ts';
import { projectRoot } from '../local-cloud.ts';

/** A package of npm whose code is in the bundle. */
export interface BundledPackage {
  name: string;
  version: string;
  /** An SPDX identifier or expression. */
  licence: string;
  /** The text of its licence files. */
  text: string;
}

/** Parts of the CycloneDX library that write XML and check documents, which Gantry does not. */
const unused = ['ajv-formats', 'ajv-formats-draft2019', 'libxmljs2', 'xmlbuilder2'];

/**
 * Bundles the command line into `cli/` of a directory, in parts that are loaded when they are
 * needed. The parts lie as deep as the sources which find files of the project by their own place.
 *
 * @returns the packages in it, sorted by name
 */
export async function bundleCli(directory: string): Promise<BundledPackage[]> {
  const { metafile } = await build({
    ...bundleOptions,
    entryPoints: [{ in: 'cli/main.ts', out: 'cli/main' }],
    outdir: directory,
    splitting: true,
    chunkNames: 'cli/commands/parts/[hash]',
    sourcemap: false,
    external: unused,
    metafile: true,
  });

  const folders = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs))
    for (const path of Object.keys(inputs)) {
      const folder = /^node_modules\/.*(?<=node_modules\/)(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
      if (folder !== undefined) folders.add(folder);
    }

  const packages = await Promise.all([...folders].map(readPackage));
  // npm may install one version in several places.
  const unique = new Map(packages.map((one) => [keyOf(one), one]));
  return [...unique.values()].sort((a, b) => compareBytes(keyOf(a), keyOf(b)));
}

const keyOf = ({ name, version }: BundledPackage) => `${name}@${version}`;

async function readPackage(folder: string): Promise<BundledPackage> {
  const directory = join(projectRoot, folder);
  const { name, version, license } = JSON.parse(
    await readFile(join(directory, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license?: string };
  if (license === undefined) throw new Error(`expected a licence in ${folder}/package.json`);

  const texts: string[] = [];
  for (const file of (await readdir(directory)).sort())
    if (/^(licen[cs]e|copying|notice)/i.test(file))
      texts.push(await readFile(join(directory, file), 'utf8'));

  return { name, version, licence: license, text: texts.join('\n') };
}

/** Writes the licences of a bundle's packages, which each of them asks for. */
export async function writeLicences(
  path: string,
  packages: readonly BundledPackage[],
  others: readonly { name: string; text: string }[] = [],
): Promise<void> {
  const own = await readFile(join(projectRoot, 'LICENSE'), 'utf8');
  const parts = [
    `Gantry (Apache-2.0)\n\n${own}`,
    ...others.map(({ name, text }) => `${name}\n\n${text}`),
    ...packages.map(({ name, version, licence, text }) => {
      return `${name} ${version} (${licence})\n\n${text}`;
    }),
  ];
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, parts.map((part) => `${part.trim()}\n`).join(`\n${'-'.repeat(72)}\n\n`));
}
