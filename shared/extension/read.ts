import { GantryError } from '../base/error.ts';
import type { ExtensionManifest } from '../domain/extensions/index.ts';
import type { ManifestProblem } from '../manifest/index.ts';
import { type ExtensionValidation, type ParseOptions, validateExtensionManifest } from './parse.ts';
import type { ExtensionTree, TreeEntry } from './tree/tree.ts';

/** The names that a manifest may have at the root. */
export const manifestNames = ['manifest.yaml', 'manifest.yml'] as const;

/** A manifest with the tree that it is part of. */
export interface ReadExtension extends ExtensionValidation {
  /** Which of `manifestNames`. */
  file: string;
  tree_digest: string;
}

/**
 * Finds the manifest of a tree, and checks it and the entrypoint that it names.
 * @throws GantryError `manifest_missing`, `manifest_ambiguous`
 */
export function readExtensionTree(tree: ExtensionTree, options?: ParseOptions): ReadExtension {
  const manifest = findManifest(tree);
  const file = manifest.path;
  const result = validateExtensionManifest(manifest.bytes.toString('utf8'), options);
  const tree_digest = tree.digest;
  if (result.manifest === null) return { ...result, file, tree_digest };

  const problems = inspectEntrypoint(tree, result.manifest);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const valid = errors.length === 0;
  return {
    valid,
    errors,
    warnings: [...result.warnings, ...warnings],
    manifest: valid ? result.manifest : null,
    file,
    tree_digest,
  };
}

type File = Extract<TreeEntry, { kind: 'file' }>;

function findManifest({ entries }: ExtensionTree): File {
  const names: readonly string[] = manifestNames;
  const found = entries.filter((entry) => entry.kind === 'file' && names.includes(entry.path));
  const [first, second] = found as File[];
  if (first !== undefined && second === undefined) return first;

  if (second !== undefined) {
    const message = `expected one manifest, found ${names.join(' and ')}; delete one`;
    throw new GantryError('manifest_ambiguous', message);
  }

  const listed = entries.slice(0, 5).map(({ path }) => path);
  const message = `expected ${names.join(' or ')} at the root, found ${listed.join(', ') || 'no files'}`;
  throw new GantryError('manifest_missing', message);
}

/** The entrypoint is a file of exactly its path. Linux must be able to run it. */
function inspectEntrypoint(
  { entries }: ExtensionTree,
  { spec }: ExtensionManifest,
): ManifestProblem[] {
  const { path } = spec.entrypoint;
  const at = { line: 0, column: 0, path: 'spec.entrypoint.path' };
  const entry = entries.find((one) => one.path === path);

  if (entry?.kind !== 'file') {
    const near = entries.find((one) => one.path.toLowerCase() === path.toLowerCase());
    const found = entry ? 'a link' : near ? near.path : 'none';
    const message = `expected a file at ${path} beside the manifest, found ${found}`;
    return [{ severity: 'error', ...at, message }];
  }

  return adviseOnEntrypoint(entry.bytes.subarray(0, 512)).map((message) => ({
    severity: 'warning',
    ...at,
    message,
  }));
}

/** What keeps Linux from running a file that begins with these bytes. */
export function adviseOnEntrypoint(start: Buffer): string[] {
  const isProgram = start.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
  if (isProgram) return [];

  const [first = ''] = start.toString('latin1').split('\n');
  if (!first.startsWith('#!')) {
    return [
      'no machine can run it: it is no program, and its first line names no interpreter (#!)',
    ];
  }

  const cure = 'write the file with Unix line ends, for example by sed -i "s/\\r$//"';
  return first.endsWith('\r')
    ? [`no machine can run it: its first line ends with a carriage return; ${cure}`]
    : [];
}
