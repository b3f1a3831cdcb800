import { readFile } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';
import { type ModuleManifest, parseManifest } from '../../shared/manifest/index.ts';

/** Reads `manifest.yaml`. @throws GantryError `io_error`, `ModuleManifestSchemaError` */
export async function readManifest(
  path: string,
): Promise<{ manifest: ModuleManifest; warnings: string[] }> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new GantryError(
      'io_error',
      `expected a manifest at ${path}, found none; run this in the directory of a module, or pass its path`,
      { cause: error },
    );
  });

  const { manifest, warnings } = parseManifest(bytes.toString('utf8'));
  const sentences = warnings.map(({ line, column, path: key, message }) => {
    return `manifest.yaml, line ${line}, column ${column}: ${key ? `${key}: ` : ''}${message}`;
  });

  return { manifest, warnings: sentences };
}
