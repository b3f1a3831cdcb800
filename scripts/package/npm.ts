import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import { placeFiles } from './debian.ts';
import { dataFiles, type Made } from './packages.ts';

/** A package of npm runs on the Node that the user has, with the flags of the project's own. */
const firstLine = '#!/usr/bin/env -S node --use-system-ca --disable-warning=ExperimentalWarning\n';

/** Writes the command line as a package for npm, without dependencies, and returns its name. */
export async function writeNpm(
  made: Made,
  version: string,
  { work, out }: { work: string; out: string },
): Promise<string> {
  const directory = join(work, 'npm');
  await placeFiles(
    {
      [`${made.bundle}/cli`]: 'cli',
      ...Object.fromEntries(dataFiles.map((path) => [path, path])),
      'packaging/npm.md': 'README.md',
      LICENSE: 'LICENSE',
      [made.licences]: 'LICENCES',
      [made.sbom]: 'sbom.cdx.json',
    },
    directory,
  );

  const main = join(directory, 'cli/main.mjs');
  await writeFile(main, firstLine + (await readFile(main, 'utf8')));
  await chmod(main, 0o755);
  await writeFile(join(directory, 'package.json'), formatManifest(version));

  const pack = ['pack', '--silent', `--pack-destination=${out}`];
  return (await run('npm', pack, { cwd: directory })).trim();
}

function formatManifest(version: string): string {
  const manifest = {
    name: '@gantry/cli',
    version,
    description: 'The command line of Gantry',
    license: 'Apache-2.0',
    type: 'module',
    bin: { gantry: 'cli/main.mjs' },
    engines: { node: '>=24' },
    os: ['linux', 'darwin'],
    files: ['cli', 'examples', 'shared', 'LICENCES', 'sbom.cdx.json'],
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
