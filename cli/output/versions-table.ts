import { shortDigest, state, table } from './table.ts';
import type { Versions } from './versions.ts';

/** A module's versions, and below them the digests that are none yet, each with its reason. */
export function versionsTable({ versions, candidates }: Versions): string {
  const known = table(
    // No ids: every command takes <module>@<version>.
    ['VERSION', 'STATE', 'KIND', 'DIGEST', 'TAGS', 'INGESTED'],
    versions.map((row) => [
      row.version_string,
      row.quarantined ? state('quarantined') : state(row.promotion_state),
      row.kind,
      shortDigest(row.digest),
      row.tags.join(', '),
      row.ingested_at,
    ]),
    'The module has no versions yet; gantry module show says how its polling goes.',
  );
  const doubts = versions.flatMap(({ version_string, reverification: last }) =>
    last === undefined || last.outcome === 'verified'
      ? []
      : [[version_string, state(last.outcome), last.since, `${last.message} (${last.code})`]],
  );
  const doubted =
    doubts.length === 0
      ? ''
      : `\n\n${table(['DOES NOT VERIFY', 'STATE', 'SINCE', 'WHY'], doubts, '')}`;
  if (candidates.length === 0) return `${known}${doubted}`;
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
  return `${known}${doubted}\n\n${waiting}`;
}
