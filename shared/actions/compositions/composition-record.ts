import { GantryError, isGantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { parseStored } from '../../base/stored-json.ts';
import type { TemplateComposition } from '../../domain/compose/index.ts';
import { getBytes } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';
import { type CompositionRecord, compositionRecord } from './record-schema.ts';

/**
 * Reads a composition's record. Throws `io_error` where the object does not match its name, or
 * is no record: it decides what is signed and what agents may fetch, so write access to the bucket
 * must not be enough to change it.
 */
export async function readRecord(services: Services, key: string): Promise<CompositionRecord> {
  const bytes = await getBytes(services.objects, key);
  const found = sha256Hex(bytes);

  if (!key.endsWith(`/sha256/${found}.json`)) {
    throw new GantryError(
      'io_error',
      `expected the object at ${key} to have the SHA-256 in its name, found ${found}`,
    );
  }

  const text = Buffer.from(bytes).toString('utf8');
  return parseStored(compositionRecord, text, `a composition record at ${key}`);
}

/**
 * Returns null also for a record that no longer exists: a restored row may name one that was
 * collected. The template is then composed again.
 */
export async function recordInPlace(
  services: Services,
  pointer: TemplateComposition | null,
): Promise<CompositionRecord | null> {
  if (pointer === null) return null;
  try {
    return await readRecord(services, pointer.report_key);
  } catch (error) {
    if (!isGantryError(error, 'not_found')) throw error;
    return null;
  }
}

/** The S3 keys of every object of a stored composition. */
export function objectsOf(report_key: string, { image, index_key }: CompositionRecord): string[] {
  return [report_key, image.key, index_key];
}
