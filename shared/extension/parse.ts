import { limits } from '../base/limits/index.ts';
import type { ExtensionManifest } from '../domain/extensions/index.ts';
import {
  describeValue,
  locateFindings,
  type ManifestFinding,
  type ManifestProblem,
  readDocument,
  schemaFindings,
} from '../manifest/index.ts';
import { toCanonical } from './canonical.ts';
import { correctCase } from './correct-case.ts';
import { ExtensionManifestError } from './problem.ts';
import { extensionManifestSchema, extensionRoot } from './schema.ts';
import { isTextAt } from './schema-paths.ts';

export interface ParseOptions {
  /** Folders that extensions may be installed below; default CloudStack's. */
  roots?: readonly string[];
}

/**
 * Parses the `manifest.yaml` of an extension (product.md, section 11). A valid manifest may still
 * have warnings.
 * @throws ExtensionManifestError with all problems
 */
export function parseExtensionManifest(
  text: string,
  { roots = [extensionRoot] }: ParseOptions = {},
): { manifest: ExtensionManifest; warnings: ManifestProblem[] } {
  refuseOverlong(text);
  const document = readDocument(text, isTextAt);
  const read: Read = document.readable ? readManifest(document.value, roots) : { findings: [] };
  const problems = locateFindings(document, read.findings);
  const { manifest } = read;

  if (manifest === undefined || problems.some(({ severity }) => severity === 'error')) {
    throw new ExtensionManifestError(read.code ?? 'extension_manifest_invalid', problems);
  }

  return { manifest, warnings: problems };
}

/** The result of `validate`; `manifest` is null if it is invalid. */
export interface ExtensionValidation {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  manifest: ExtensionManifest | null;
}

/** Like `parseExtensionManifest`, but returns the problems and never throws them. */
export function validateExtensionManifest(
  text: string,
  options?: ParseOptions,
): ExtensionValidation {
  try {
    const { manifest, warnings } = parseExtensionManifest(text, options);
    return { valid: true, errors: [], warnings, manifest };
  } catch (error) {
    if (!(error instanceof ExtensionManifestError)) throw error;
    const of = (severity: ManifestProblem['severity']) =>
      error.problems.filter((found) => found.severity === severity);
    return { valid: false, errors: of('error'), warnings: of('warning'), manifest: null };
  }
}

interface Read {
  manifest?: ExtensionManifest;
  findings: ManifestFinding[];
  code?: 'unsupported_kind';
}

function readManifest(value: unknown, roots: readonly string[]): Read {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `expected a mapping of keys such as apiVersion and metadata, found ${describeValue(value)}`;
    return { findings: [{ severity: 'error', path: [], message }] };
  }

  const otherKind = refuseOtherKind(value as Record<string, unknown>);
  if (otherKind !== undefined) return { findings: [otherKind], code: 'unsupported_kind' };

  const corrected = correctCase(value);
  const parsed = extensionManifestSchema.safeParse(corrected.value);
  if (!parsed.success) {
    const { issues } = parsed.error;
    const findings = schemaFindings(issues, corrected.value, vocabulary);
    return { findings: [...corrected.findings, ...findings] };
  }

  const { manifest, findings } = toCanonical(parsed.data);
  return {
    manifest,
    findings: [
      ...corrected.findings,
      ...findings,
      ...refusePlace(manifest, roots),
      ...refuseLarge(manifest),
    ],
  };
}

/** Keys that authors expect at the top level, with their actual place. */
const vocabulary = {
  schema: extensionManifestSchema,
  elsewhere: {
    name: 'metadata.name',
    version: 'metadata.version',
    entrypoint: 'spec.entrypoint',
    compatibility: 'spec.compatibility',
    details: 'spec.details',
  },
};

/** The rules of this schema say nothing of a manifest that describes something else. */
function refuseOtherKind(value: Record<string, unknown>): ManifestFinding | undefined {
  const kind = Object.hasOwn(value, 'kind') ? value.kind : undefined;
  if (typeof kind !== 'string' || kind === 'OrchestratorExtension') return undefined;

  const message = `expected OrchestratorExtension, the only kind that Gantry imports, found ${describeValue(kind)}`;
  return { severity: 'error', path: ['kind'], message };
}

/** The folder is the extension's own, so it is below a root and never the root itself. */
function refusePlace({ spec }: ExtensionManifest, roots: readonly string[]): ManifestFinding[] {
  const { targetDir } = spec.entrypoint;
  if (roots.some((root) => targetDir.startsWith(`${root}/`))) return [];

  const message = `expected a folder below ${roots.join(' or ')}, found ${JSON.stringify(targetDir)}`;
  return [{ severity: 'error', path: ['spec', 'entrypoint', 'targetDir'], message }];
}

/** An import keeps the manifest in a row of the table, so an author hears of its limit here. */
function refuseLarge(manifest: ExtensionManifest): ManifestFinding[] {
  const found = Buffer.byteLength(JSON.stringify(manifest));
  const max = limits.extensionManifestJsonMax;
  if (found <= max) return [];

  const message = `expected at most ${max} bytes as JSON, found ${found}`;
  return [{ severity: 'error', path: [], message }];
}

function refuseOverlong(text: string): void {
  const bytes = Buffer.byteLength(text);
  const max = limits.extensionManifestBytesMax;
  if (bytes <= max) return;

  const message = `expected at most ${max} bytes, found ${bytes}`;
  throw new ExtensionManifestError('extension_manifest_invalid', [
    { severity: 'error', line: 1, column: 1, path: '', message },
  ]);
}
