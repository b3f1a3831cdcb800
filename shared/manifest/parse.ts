import { limits } from '../base/limits/index.ts';
import { adviseOnGlobs, adviseOnVariables } from './advice.ts';
import { readDocument } from './document.ts';
import { schemaFindings } from './findings.ts';
import { locateFindings } from './locate.ts';
import { isMapping, normaliseManifest } from './normalise.ts';
import {
  describeValue,
  type ManifestFinding,
  type ManifestProblem,
  ModuleManifestSchemaError,
} from './problem.ts';
import { type ModuleManifest, moduleManifestSchema } from './schema.ts';

/** Keys that authors expect at the top level, with their actual place. */
const elsewhere: Record<string, string> = {
  requires: 'dependencies.requires',
  provides: 'dependencies.provides',
  include: 'file_spec',
  exclude: 'mask',
  packages: 'package_spec',
  files: 'file_spec',
};

const vocabulary = { schema: moduleManifestSchema, elsewhere };

/**
 * Parses a `manifest.yaml` in the flat or the older nested form (product.md, section 2) to the
 * canonical form. A valid manifest may still have warnings.
 * @throws ModuleManifestSchemaError with all problems
 */
export function parseManifest(text: string): {
  manifest: ModuleManifest;
  warnings: ManifestProblem[];
} {
  refuseOverlong(text);
  const document = readDocument(text);
  const { manifest, findings } = document.readable
    ? readManifest(document.value)
    : { manifest: undefined, findings: [] };
  const problems = locateFindings(document, findings);
  if (manifest === undefined || problems.some(({ severity }) => severity === 'error')) {
    throw new ModuleManifestSchemaError(problems);
  }

  return { manifest, warnings: problems };
}

/**
 * Like `parseManifest`, but returns the problems and never throws them. Conflicts with other
 * modules are checked later.
 */
export function validateManifest(text: string): {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
} {
  try {
    return { valid: true, errors: [], warnings: parseManifest(text).warnings };
  } catch (error) {
    if (!(error instanceof ModuleManifestSchemaError)) throw error;
    const of = (severity: ManifestProblem['severity']) =>
      error.problems.filter((found) => found.severity === severity);
    return { valid: false, errors: of('error'), warnings: of('warning') };
  }
}

/**
 * Parses the `manifest.json` of an artifact: JSON in the canonical flat form only. Throws
 * `ModuleManifestSchemaError`.
 */
export function parseManifestJson(text: string): ModuleManifest {
  refuseOverlong(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = `expected JSON, found a syntax error: ${error instanceof Error ? error.message : String(error)}`;
    throw new ModuleManifestSchemaError([
      { severity: 'error', line: 1, column: 1, path: '', message },
    ]);
  }

  // JSON is YAML 1.2. It is parsed again for the positions and for repeated keys, of which
  // JSON.parse silently keeps the last.
  const document = readDocument(text);
  const parsed = moduleManifestSchema.safeParse(value);
  const problems = locateFindings(
    document,
    parsed.success ? [] : schemaFindings(parsed.error.issues, value, vocabulary),
  );
  if (!parsed.success || problems.length > 0) throw new ModuleManifestSchemaError(problems);

  return parsed.data;
}

/**
 * The canonical JSON of a manifest: keys in the schema's order, every list present, two spaces, a
 * newline at the end.
 */
export function formatManifestJson(manifest: ModuleManifest): string {
  const { requires, provides } = manifest.dependencies;
  const keys = Object.keys(moduleManifestSchema.shape) as (keyof ModuleManifest)[];
  const ordered = Object.fromEntries(
    keys.map((key) => [key, key === 'dependencies' ? { requires, provides } : manifest[key]]),
  );

  return `${JSON.stringify(ordered, null, 2)}\n`;
}

function refuseOverlong(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.moduleManifestBytesMax) return;

  const message = `expected at most ${limits.moduleManifestBytesMax} bytes, found ${bytes}`;
  throw new ModuleManifestSchemaError([
    { severity: 'error', line: 1, column: 1, path: '', message },
  ]);
}

function readManifest(value: unknown): {
  manifest: ModuleManifest | undefined;
  findings: ManifestFinding[];
} {
  if (!isMapping(value)) {
    const message = `expected a mapping of keys such as name and file_spec, found ${describeValue(value)}`;
    return { manifest: undefined, findings: [{ severity: 'error', path: [], message }] };
  }

  const flat = normaliseManifest(value);
  const parsed = moduleManifestSchema.safeParse(flat.value);
  const fromSchema = parsed.success
    ? [
        ...adviseOnGlobs(parsed.data),
        ...adviseOnVariables(parsed.data),
        ...refuseLarge(parsed.data),
      ]
    : schemaFindings(parsed.error.issues, flat.value, vocabulary);

  return {
    manifest: parsed.data,
    findings: [
      ...flat.findings,
      ...fromSchema.map((finding) => ({ ...finding, path: flat.origin(finding.path) })),
    ],
  };
}

/** Ingest keeps the manifest in a row of the table, so an author hears of its limit here. */
function refuseLarge(manifest: ModuleManifest): ManifestFinding[] {
  const found = Buffer.byteLength(JSON.stringify(manifest));
  const max = limits.versionManifestBytesMax;
  if (found <= max) return [];

  const message = `expected at most ${max} bytes as JSON, found ${found}`;
  return [{ severity: 'error', path: [], message }];
}
