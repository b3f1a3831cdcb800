import { GantryError } from '../../shared/base/error.ts';
import {
  type Metadata,
  type MetadataPatch,
  mergePatch,
  metadataHash,
  metadataKeysMax,
} from '../../shared/domain/templates/index.ts';

/** The media type of a JSON merge patch (RFC 7386). */
export const mergePatchType = 'application/merge-patch+json';

/** Whether a request declares its body as a merge patch. */
export function isMergePatch(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === mergePatchType;
}

/** The metadata of a change, and what it was merged with. Empty for a change of other fields. */
interface RequestedMetadata {
  metadata?: Metadata;
  from_metadata?: string;
}

/**
 * The metadata that a request asks for: a merge patch changes the present one, and any other body
 * replaces it. The result of a patch counts only while the metadata is the one that it changes:
 * else the later of two patches would undo the other.
 * @throws GantryError `invalid_request` for null outside of a merge patch, and for too many keys
 */
export function requestedMetadata(
  { body, merges }: { body: { metadata?: MetadataPatch }; merges: boolean },
  present: Metadata,
): RequestedMetadata {
  const { metadata } = body;
  if (metadata === undefined) return {};

  const removed = Object.entries(metadata).find(([, value]) => value === null);
  if (!merges && removed !== undefined) {
    throw new GantryError(
      'invalid_request',
      `expected a value of metadata key "${removed[0]}", found null; send ${mergePatchType} to remove a key`,
      { field: 'metadata' },
    );
  }

  const next = mergePatch(merges ? present : {}, metadata);
  const found = Object.keys(next).length;
  if (found <= metadataKeysMax)
    return merges ? { metadata: next, from_metadata: metadataHash(present) } : { metadata: next };
  throw new GantryError(
    'invalid_request',
    `expected at most ${metadataKeysMax} keys of metadata after the change, found ${found}`,
    { field: 'metadata', expected: metadataKeysMax, found },
  );
}
