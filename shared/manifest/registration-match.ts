import type { ErrorCode } from '../base/error-codes.ts';
import type { Variety } from '../domain/modules/index.ts';
import type { ModuleManifest } from './schema.ts';

/** The facts of a module's registration that its manifests must match. */
export interface RegistrationFacts {
  name: string;
  /** `<module>` or `<account>/<module>`; null for a module without a parent. */
  parent_module: string | null;
  variety: Variety;
}

/** The reason why a valid manifest does not match its row. */
export interface RegistrationMismatch {
  code: ErrorCode;
  /** Key path in the canonical form. */
  path: string;
  message: string;
}

/**
 * Returns the carve-outs of a manifest with a `parent_module`: entries that occur verbatim in both
 * `file_spec` and `mask` (product.md, section 3). Any other manifest has none, and the mask wins.
 */
export function carveOuts(manifest: ModuleManifest): string[] {
  if (manifest.parent_module === undefined) return [];
  const masked = new Set(manifest.mask);
  return [...new Set(manifest.file_spec)].filter((entry) => masked.has(entry));
}

/**
 * How a module keeps a file at a path that another module protects, for error sentences and
 * warnings.
 */
export function carveOutCure(module: string, owner: string): string {
  return `to replace it, make ${module} a config module whose parent is ${owner}, and write the path in both file_spec and mask of its manifest`;
}

/**
 * Returns the mask with which a build selects files. It omits the carve-outs, so that those files
 * ship.
 */
export function buildMask(manifest: ModuleManifest): string[] {
  const carved = new Set(carveOuts(manifest));
  return manifest.mask.filter((entry) => !carved.has(entry));
}

/**
 * Compares a manifest with its module's registration and returns every mismatch. The row takes
 * precedence.
 */
export function matchRegistration(
  manifest: ModuleManifest,
  row: RegistrationFacts,
): RegistrationMismatch[] {
  const problems: RegistrationMismatch[] = [];
  if (manifest.name !== row.name) {
    const message = `expected the registered name "${row.name}", found "${manifest.name}"`;
    problems.push({ code: 'name_mismatch', path: 'name', message });
  }

  const parent = manifest.parent_module;
  if (parent !== undefined && !isSameModule(parent, row.parent_module)) {
    const expected = row.parent_module === null ? 'no parent module' : `"${row.parent_module}"`;
    const message = `expected ${expected} as the module is registered, found "${parent}"`;
    problems.push({ code: 'parent_module_mismatch', path: 'parent_module', message });
  }

  const [installed] = manifest.package_spec;
  if (row.variety === 'config' && installed !== undefined) {
    const message = `expected files only in a module of variety config, found the package "${installed}"`;
    problems.push({ code: 'ModuleManifestSchemaError', path: 'package_spec', message });
  }

  const [carved] = carveOuts(manifest);
  if (carved !== undefined && row.variety !== 'config') {
    const message = `expected a module of variety config to carve out "${carved}", found variety ${row.variety}`;
    problems.push({ code: 'carve_out_refused', path: 'mask', message });
  }

  return problems;
}

/** A bare name does not state the account, so it equals any full name of that module. */
function isSameModule(written: string, registered: string | null): boolean {
  if (registered === null) return false;
  if (written.includes('/') && registered.includes('/')) return written === registered;
  return moduleName(written) === moduleName(registered);
}

function moduleName(reference: string): string {
  return reference.slice(reference.indexOf('/') + 1);
}
