import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceDate } from '../../cli/build/source-date.ts';
import project from '../../package.json' with { type: 'json' };
import { projectRoot } from '../local-cloud.ts';
import { type BundledPackage, bundleCli, writeLicences } from './bundle.ts';
import { writeDeb } from './debian.ts';
import { writeNpm } from './npm.ts';
import { agentPackage, cliPackage, type Made } from './packages.ts';
import { type Architecture, fetchRuntime, type Runtime } from './runtime.ts';
import { formatSbom } from './sbom.ts';

export interface PackageOptions {
  /** Emptied first. */
  out: string;
  architectures: readonly Architecture[];
  /** Of the Debian packages: the same source, packed again. */
  revision: number;
}

/**
 * Makes all packages with `SHA256SUMS`. The same source gives the same bytes: all times are that of
 * the last commit, or SOURCE_DATE_EPOCH.
 *
 * @returns the names of the files
 */
export async function makePackages({
  out,
  architectures,
  revision,
}: PackageOptions): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), 'gantry-package-'));
  const { seconds } = await sourceDate(projectRoot, process.env.SOURCE_DATE_EPOCH);
  const release = { version: `${project.version}-${revision}`, seconds };

  try {
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });
    const bundle = join(work, 'bundle');
    const packages = await bundleCli(bundle);
    const make = (name: string, runtime?: Runtime) =>
      writeDocuments(join(work, name), { bundle, packages, seconds }, runtime);

    const names = [await writeNpm(await make('for-npm'), project.version, { work, out })];
    for (const architecture of architectures) {
      const runtime = await fetchRuntime(architecture);
      const cli = cliPackage(architecture, await make(architecture, runtime), runtime);
      names.push(await writeDeb(cli, release, { work, out }));
    }
    names.push(await writeDeb(agentPackage(release.version), release, { work, out }));

    await writeFile(join(out, 'SHA256SUMS'), await sumsOf(out, names));
    return [...names, 'SHA256SUMS'];
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Writes the licences and the bill of materials of what a package contains. */
async function writeDocuments(
  directory: string,
  { bundle, packages, seconds }: { bundle: string; packages: BundledPackage[]; seconds: number },
  runtime: Runtime | undefined,
): Promise<Made> {
  const licences = join(directory, 'licences');
  const sbom = join(directory, 'sbom');
  const { version } = project;

  if (runtime === undefined) {
    await writeLicences(licences, packages);
    await writeFile(sbom, formatSbom({ version, packages, seconds }));
  } else {
    const node = {
      name: `Node.js ${runtime.version}`,
      text: await readFile(runtime.licence, 'utf8'),
    };
    await writeLicences(licences, packages, [node]);
    await writeFile(sbom, formatSbom({ version, packages, seconds, node: runtime.version }));
  }
  return { bundle, licences, sbom };
}

/** In the form of `sha256sum --check`. */
async function sumsOf(out: string, names: readonly string[]): Promise<string> {
  const lines = names.map(async (name) => {
    const hash = createHash('sha256').update(await readFile(join(out, name)));
    return `${hash.digest('hex')}  ${name}\n`;
  });
  return (await Promise.all(lines)).join('');
}
