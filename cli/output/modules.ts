import type { z } from 'zod';
import type {
  listedModuleSchema,
  movedTagSchema,
  unreadableTagSchema,
} from '../../shared/contract/modules/index.ts';
import { type Effect, withheldBy } from '../../shared/domain/modules/index.ts';
import type { Versions } from '../client/modules.ts';
import { colorState, shortDigest, table } from './table.ts';
import { formatWarnings } from './warnings.ts';

/**
 * Formats the versions of a module, the warnings about it, and its candidates with the reason why
 * they are not versions.
 */
export function formatVersions(response: Versions): string {
  const { versions, candidates, moved_tags, warnings } = response;
  const known = table(
    // Ids are left out, because every command takes <module>@<version>.
    ['VERSION', 'STATE', 'KIND', 'DIGEST', 'TAGS', 'INGESTED'],
    versions.map((row) => [
      row.version_string,
      colorState(withheldBy(row)?.kind ?? row.promotion_state),
      row.kind,
      shortDigest(row.digest),
      row.tags.join(', '),
      row.ingested_at,
    ]),
    'The module has no versions yet. Check its polling status with: gantry module show',
  );

  const withheld = versions.flatMap(({ version_string, withheld = {} }) =>
    Object.entries(withheld).map(([kind, { reason, by_name, at }]) => [
      version_string,
      colorState(kind),
      at,
      by_name,
      reason,
    ]),
  );
  const withheldTable =
    withheld.length === 0
      ? ''
      : `\n\n${table(['WITHHELD', 'STATE', 'SINCE', 'BY', 'WHY'], withheld, '')}`;

  const unverified = versions.flatMap(({ version_string, reverification: last }) =>
    last === undefined || last.outcome === 'verified'
      ? []
      : [[version_string, colorState(last.outcome), last.since, `${last.message} (${last.code})`]],
  );

  const unverifiedTable =
    unverified.length === 0
      ? ''
      : `\n\n${table(['DOES NOT VERIFY', 'STATE', 'SINCE', 'WHY'], unverified, '')}`;
  const moved = moved_tags.length === 0 ? '' : `\n\n${formatMovedTags(moved_tags)}`;
  const warned = warnings.length === 0 ? '' : `\n\n${formatWarnings(warnings)}`;
  const found = `${known}${withheldTable}${unverifiedTable}${moved}${warned}`;
  if (candidates.length === 0) return found;

  const waiting = table(
    ['NOT A VERSION', 'STATE', 'DIGEST', 'WHY'],
    candidates.map((row) => [
      row.version_string,
      colorState(row.state),
      shortDigest(row.digest),
      row.message === null ? null : `${row.message} (${row.code})`,
    ]),
    '',
  );

  return `${found}\n\n${waiting}`;
}

type MovedTag = z.infer<typeof movedTagSchema>;

/** Formats tags that no longer name what they named. The versions stay. */
export function formatMovedTags(tags: readonly MovedTag[]): string {
  return table(
    ['MOVED TAG', 'FROM', 'TO', 'SEEN'],
    tags.map(({ tag, digest, moved_to, gone_at, checked_at }) => [
      tag,
      shortDigest(digest),
      gone_at === null ? shortDigest(moved_to) : 'deleted',
      gone_at ?? checked_at,
    ]),
    '',
  );
}

type Poll = z.infer<typeof listedModuleSchema>['poll'];

/**
 * Formats the polling status: works, or how often in a row it failed, with which code, and when it
 * runs next.
 */
export function formatPolling(poll: Poll): string {
  if (poll === null) return 'not polled yet';
  if (poll.code === null) return poll.polled_at === null ? 'not polled yet' : 'works';
  const times = poll.failures === 1 ? 'once' : `${poll.failures} times`;
  return `failed ${times}: ${poll.code}; retry at ${poll.next_poll_at}`;
}

/** Formats why a tag cannot be read, and when a poll asks for it again. */
export function formatUnreadable(row: z.infer<typeof unreadableTagSchema>): string {
  const { tag, code, message, failures, next_look_at } = row;
  const times = failures === 1 ? 'once' : `${failures} times`;
  return `${tag}: ${message} (${code}), ${times}; retry at ${next_look_at}`;
}

/** Rows for what a module does to machines besides its files. */
export function effectRows(effects: readonly Effect[]): [string, string][] {
  return effects.map(({ name, value }) => [name, value]);
}

/** Formats a version with the reason why machines that lack it do not get it. */
export function formatLive(version: Versions['versions'][number]): string {
  const withheld = withheldBy(version);
  const { version_string } = version;
  return withheld === null
    ? version_string
    : `${version_string}, ${withheld.kind}: ${withheld.reason}`;
}
