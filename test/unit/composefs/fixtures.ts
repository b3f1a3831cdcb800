import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';

const folder = new URL('../../fixtures/composefs/', import.meta.url);

export interface ImageCase {
  name: string;
  entries: number;
  fsverity_digest: string;
  image_sha256: string;
  image_size: number;
}

/** What mkcomposefs made of each tree. */
export const imageCases: ImageCase[] = JSON.parse(
  readFileSync(new URL('index.json', folder), 'utf8'),
);

/** The dump of a case, as `composefs-info dump` wrote it. */
export function dumpOf(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`${name}.dump.gz`, folder)));
}

/** A directory, file or other entry with unremarkable values. */
export function entry(fields: Partial<TreeEntry> & Pick<TreeEntry, 'path' | 'type'>): TreeEntry {
  const mode = fields.type === 'directory' ? 0o755 : 0o644;
  return { mode, uid: 0, gid: 0, mtime: 1_700_000_000, mtime_ns: 0, size: 0, ...fields };
}
