import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { run } from '../run.ts';

/** The programs of Sigstore that the checks run, as Go modules. */
const modules = {
  cosign: 'github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3',
  fulcio: 'github.com/sigstore/fulcio@v1.8.8',
  rekor: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0',
  tesseract: 'github.com/transparency-dev/tesseract/cmd/tesseract/posix@v0.1.1',
  tsa: 'github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.1.3',
} as const;

export type ProgramName = keyof typeof modules;

/**
 * Builds the programs that are not there yet, each in a directory of its own, and returns their
 * paths. The first time takes some minutes.
 * @throws GantryError `prerequisite_missing` without Go
 */
export async function ensurePrograms(
  directory: string,
  say: (line: string) => void,
): Promise<Record<ProgramName, string>> {
  const paths: Partial<Record<ProgramName, string>> = {};
  for (const [name, module] of Object.entries(modules) as [ProgramName, string][]) {
    const bin = join(directory, module.replaceAll(/[^\w.-]+/g, '-'));
    // Go names a program by the last part of its path, except a version.
    const path = join(bin, module.replace(/@.*/, '').split('/').at(-1) ?? name);
    paths[name] = path;
    if (existsSync(path)) continue;

    say(`building ${module}`);
    await mkdir(bin, { recursive: true });
    await build(module, bin);
  }

  return paths as Record<ProgramName, string>;
}

async function build(module: string, bin: string): Promise<void> {
  try {
    await run('go', ['install', '-trimpath', module], { env: { ...process.env, GOBIN: bin } });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new GantryError(
      'prerequisite_missing',
      'expected Go 1.26 or newer on the PATH to build cosign and a private Sigstore, found none',
      { cause },
    );
  }
}
