import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { RenderedFile } from '../contract/reconcile/index.ts';
import type { Composition, LayerName, RenderMetadata } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';

/**
 * `${instance.<key>}`. A key is anything without white space, braces and `$`, so that the error
 * names a misspelt key and it does not stay in the file.
 */
const placeholder = /\$\{instance\.([^\s{}$]+)\}/g;

/** A key of machine metadata that a file uses. */
export interface AskedKey {
  key: string;
  file: string;
  module: LayerName;
}

/**
 * Renders the files of `instance` modules for one machine. In text files (valid UTF-8 without NUL)
 * the metadata's value replaces `${instance.<key>}`. Nothing else is substituted, values are not
 * rendered again, and other files stay unchanged. `contents` returns a file's bytes. The result is
 * sorted by path.
 * @throws GantryError `instance_metadata_missing`, which names the first unknown key with its file
 * and module (all of them in `details`); `composition_too_large` when the result exceeds
 * `limits.renderedBytesMax`
 */
export function renderInstanceFiles(
  files: Composition['instance_files'],
  contents: (module: LayerName, path: string) => Uint8Array,
  metadata: RenderMetadata,
): RenderedFile[] {
  const missing: AskedKey[] = [];
  let bytesLeft: number = limits.renderedBytesMax;

  const rendered = files
    .toSorted((a, b) => compareBytes(a.entry.path, b.entry.path))
    .map(({ module, entry }): RenderedFile => {
      const bytes = renderFile(contents(module, entry.path), metadata, {
        bytesMax: bytesLeft,
        onMissing: (key) => missing.push({ key, file: entry.path, module }),
      });
      bytesLeft -= bytes.length;

      return {
        path: entry.path,
        module,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime,
        content: Buffer.from(bytes).toString('base64'),
      };
    });

  refuseMissing(missing, metadata);
  return rendered;
}

/**
 * Renders one file for one machine. A placeholder without a value is passed to `onMissing` and
 * stays as written. Throws `composition_too_large` before it allocates more than `bytesMax`: a
 * small file may use one long value a hundred thousand times.
 */
export function renderFile(
  bytes: Uint8Array,
  metadata: RenderMetadata,
  { bytesMax = limits.renderedBytesMax, onMissing = () => {} }: RenderOptions = {},
): Uint8Array {
  const text = textOf(bytes);
  refuseTooLarge(
    text === null ? bytes.length : measureRendered(text, bytes.length, metadata),
    bytesMax,
  );
  if (text === null) return bytes;

  const out = text.replace(placeholder, (whole, key: string) => {
    if (Object.hasOwn(metadata, key)) return String(metadata[key]);
    onMissing(key);
    return whole;
  });

  return out === text ? bytes : Buffer.from(out, 'utf8');
}

interface RenderOptions {
  bytesMax?: number;
  onMissing?: (key: string) => void;
}

function measureRendered(text: string, bytes: number, metadata: RenderMetadata): number {
  let length = bytes;
  for (const [whole, key = ''] of text.matchAll(placeholder)) {
    if (Object.hasOwn(metadata, key))
      length += Buffer.byteLength(String(metadata[key])) - Buffer.byteLength(whole);
  }

  return length;
}

function refuseTooLarge(found: number, expected: number): void {
  if (found <= expected) return;
  throw new GantryError(
    'composition_too_large',
    `expected files rendered for a machine to have at most ${limits.renderedBytesMax} bytes together, found more`,
    { expected: limits.renderedBytesMax },
  );
}

/** Returns the keys that a file uses, each once, in the order of their first use. */
export function placeholdersOf(bytes: Uint8Array): string[] {
  return [
    ...new Set(
      textOf(bytes)
        ?.matchAll(placeholder)
        .map(([, key]) => key as string),
    ),
  ];
}

/** Returns the keys that files use, each once per file. */
export function listAskedKeys(
  files: readonly Composition['instance_files'][number][],
  contents: (module: LayerName, path: string) => Uint8Array,
): AskedKey[] {
  return files.flatMap(({ module, entry }) =>
    placeholdersOf(contents(module, entry.path)).map((key) => ({ key, file: entry.path, module })),
  );
}

/** Returns the keys that a machine's metadata lacks. */
export function listMissingKeys(asked: readonly AskedKey[], metadata: RenderMetadata): AskedKey[] {
  return asked.filter(({ key }) => !Object.hasOwn(metadata, key));
}

/** Returns content to render as text: valid UTF-8 without NUL. Returns null for anything else. */
export function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    // The byte order mark is kept, so that unsubstituted text stays unchanged.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function refuseMissing(missing: AskedKey[], metadata: RenderMetadata): void {
  const [first] = missing;
  if (first === undefined) return;

  const known = Object.keys(metadata).sort(compareBytes);
  throw new GantryError(
    'instance_metadata_missing',
    `expected the instance's metadata to have "${first.key}", which ${JSON.stringify(first.file)} of ${first.module} ` +
      `asks for; found ${known.length === 0 ? 'no metadata' : `only ${known.join(', ')}`}`,
    { field: `metadata.${first.key}`, found: known, details: missing },
  );
}
