import { GantryError, isGantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import type { DesiredLayer } from '../../contract/reconcile/index.ts';
import type {
  CompositionReport,
  LayerName,
  ResolutionRecord,
  TemplateComposition,
} from '../../domain/compose/index.ts';
import { getBytes } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';
import type { InstanceFile } from './rendered-files.ts';

/** What a composition consists of and how it was made; stored under the SHA-256 of its JSON. */
export interface CompositionRecord {
  /** `sha256:<hex>`: fs-verity digest of the image. */
  composition_digest: string;
  image: { key: string; sha256: string; length: number };
  /** Lowest priority first, as in desired states. */
  layers: DesiredLayer[];
  instance_files: InstanceFile[];
  /** Assignment metadata by module. */
  metadata: Record<LayerName, Record<string, unknown>>;
  report: CompositionReport;
  /** How its versions were found. Absent in records of earlier releases, as is `index_key`. */
  resolution?: ResolutionRecord;
  /** S3 key of the `CompositionIndex`: every path with its owner, JSON compressed with gzip. */
  index_key?: string;
}

/**
 * Reads a composition's record. Throws `io_error` if the object does not match its name. The record
 * decides what is signed and what agents may fetch, so write access to the bucket must not be
 * enough to change it.
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

  // Written by compose under the hash of its content.
  const record: CompositionRecord = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return record;
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
  return [report_key, image.key, ...(index_key === undefined ? [] : [index_key])];
}
