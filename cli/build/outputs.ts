import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type WriteModuleTarInput, writeModuleTar } from '../../shared/artifact/index.ts';

/** Files that a build writes, in its directory of results. */
export const outputNames = {
  manifest: 'manifest.json',
  file_list: 'file-list.txt',
  package_list: 'package-list.txt',
  module: 'module.tar',
  sbom: 'sbom.cdx.json',
  provenance: 'provenance.json',
  vex: 'vex.json',
} as const;

export type OutputName = keyof typeof outputNames;

/** Writes text files. @returns their paths */
export async function writeOutputs<Name extends OutputName>(
  out: string,
  texts: Record<Name, string>,
): Promise<Record<Name, string>> {
  const paths: Partial<Record<Name, string>> = {};
  for (const [name, text] of Object.entries(texts) as [Name, string][]) {
    const path = join(out, outputNames[name]);
    await replace(path, (temporary) => writeFile(temporary, text));
    paths[name] = path;
  }
  return paths as Record<Name, string>;
}

/** One item a line. */
export function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}

/** Writes `module.tar`. @returns the layer's digest and size in bytes */
export async function writeTar(
  path: string,
  input: WriteModuleTarInput,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;

  async function* measured(chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }

  await replace(path, (temporary) =>
    pipeline(writeModuleTar(input), measured, createWriteStream(temporary, { flags: 'wx' })),
  );
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/** Writes a temporary file and renames it, so that readers see the complete old or new file. */
async function replace(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
