import type { z } from 'zod';
import type { versionsAnswer } from '../shared/contract/api/version.ts';
import { shortDigest, state, table } from './table.ts';

/** A module's versions, and below them the digests that are none yet, each with its reason. */
export function versionsTable({ versions, candidates }: z.infer<typeof versionsAnswer>): string {
  const known = table(
    ['ID', 'VERSION', 'STATE', 'DIGEST', 'TAGS', 'INGESTED'],
    versions.map((row) => [
      row.id,
      row.version_string,
      row.quarantined ? state('quarantined') : state(row.promotion_state),
      shortDigest(row.digest),
      row.tags.join(', '),
      row.ingested_at,
    ]),
    'The module has no versions.',
  );
  if (candidates.length === 0) return known;
  const waiting = table(
    ['NOT A VERSION', 'STATE', 'DIGEST', 'WHY'],
    candidates.map((row) => [
      row.version_string,
      state(row.state),
      shortDigest(row.digest),
      row.message === null ? null : `${row.message} (${row.code})`,
    ]),
    '',
  );
  return `${known}\n\n${waiting}`;
}
