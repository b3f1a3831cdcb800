import { GantryError } from '../../../base/error.ts';
import { type Metadata, metadataHash } from '../../../domain/templates/index.ts';

/**
 * Throws `operation_raced` if metadata was merged with another one than the present: the change
 * would undo what another request set meanwhile.
 * @param from `metadataHash` of what it was merged with; undefined where it replaces all of it
 */
export function refuseMerged(from: string | undefined, present: Metadata, of: string): void {
  if (from === undefined || from === metadataHash(present)) return;
  throw new GantryError(
    'operation_raced',
    `expected the metadata of ${of} to be the one that the patch was merged with, found that it changed since; request it again`,
    { field: 'metadata' },
  );
}
