import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import {
  inheritsSpec,
  type ModuleManifest,
  parseManifest,
  withInheritedSpec,
} from '../../shared/manifest/index.ts';

/** A manifest as its build uses it, with the warnings so far. */
interface ReadManifest {
  manifest: ModuleManifest;
  warnings: string[];
}

interface ParentPlace {
  /** The repository of the child. */
  directory: string;
  /** Where the parent's manifest or repository is; undefined for `../<name of the parent>`. */
  parent?: string | undefined;
}

/**
 * Gives a module without a `file_spec` the `dependency_spec` of its parent module. Warns if the
 * parent's manifest is not where it is looked for.
 * @throws GantryError `io_error`, `parent_module_mismatch` and `ModuleManifestSchemaError` for a
 * parent that the caller names
 */
export async function inheritSpec(
  { directory, parent }: ParentPlace,
  { manifest, warnings }: ReadManifest,
): Promise<ReadManifest> {
  if (!inheritsSpec(manifest)) return { manifest, warnings };

  const named = manifest.parent_module as string;
  const name = named.slice(named.indexOf('/') + 1);
  const path = await manifestPath(parent ?? join(directory, '..', name));
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (parent === undefined && ['ENOENT', 'ENOTDIR'].includes(error.code ?? '')) return null;
    const message = `expected the manifest of the parent module at ${path}, ${error.message}`;
    throw new GantryError('io_error', message, { cause: error });
  });

  if (text === null) {
    const warning = `file_spec is empty, and the parent module ${named}, whose dependency_spec would apply, is not at ${path}; pass --parent <dir>`;
    return { manifest, warnings: [...warnings, warning] };
  }

  const found = parseManifest(text).manifest;
  if (found.name !== name) {
    const message = `expected the manifest of the parent module "${name}" at ${path}, found "${found.name}"`;
    throw new GantryError('parent_module_mismatch', message, { expected: name, found: found.name });
  }

  return { manifest: withInheritedSpec(manifest, found), warnings };
}

async function manifestPath(place: string): Promise<string> {
  const stats = await stat(place).catch(() => null);
  return stats === null || stats.isDirectory() ? join(place, 'manifest.yaml') : place;
}
