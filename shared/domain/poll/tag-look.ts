import { type Candidate, type Transition, transition } from '../candidates/index.ts';
import type { Version } from '../modules/index.ts';
import type { Tag } from './repository.ts';

/** The response of a registry about a tag. */
export interface TagLook {
  account: string;
  module: string;
  tag: string;
  /** Null if the registry does not have the tag. */
  digest: string | null;
  /** The digest that the tag itself names, if `digest` is the index that lists it as a build. */
  build: string | null;
  /** When the registry was asked. ISO 8601. */
  seen_at: string;
}

/** The stored state of a tag, of the digest that it left and of the digest that it names. */
export interface TagRows {
  before: Tag | null;
  /**
   * The candidate of the digest that the tag named before, if it now names another digest or none.
   */
  leaving: Candidate | null;
  /**
   * The candidate of the digest that the tag names now: an `unknownCandidate` if none is stored.
   */
  named: Candidate | null;
  /** The version that the named candidate became, and the version string that the tag gives it. */
  version: { row: Version; version_string: string } | null;
}

/** The rows to write after a look at a tag. */
export interface TagOutcome {
  was: Tag | null;
  tag: Tag;
  event: TagFact | null;
  moves: { candidate: Candidate; follows: Transition }[];
  /** The version that gets the tag. */
  version: TagRows['version'];
}

type TagFact =
  | readonly ['moved', { code: string; from: string; to: string }]
  | readonly ['deleted', { digest: string }];

/**
 * Decides the consequences of a look at a tag. A tag that leaves the digest of an ingested version
 * never changes that version: it raises `tag_moved`, and its new digest is not ingested. If it
 * leaves a digest that never became a version, it names another candidate from then on. Null if a
 * later look is stored already, or nothing changed.
 */
export function decideLook(look: TagLook, rows: TagRows, now: Date): TagOutcome | null {
  const { before } = rows;
  if (before !== null && before.checked_at > look.seen_at) return null;

  const { digest } = look;
  if (digest === null) return before === null ? null : decideDeleted(look, before, rows, now);

  return before !== null && leavesVersion(before, digest, rows)
    ? decideMoved(before, digest, look)
    : decideNamed(look, digest, rows, now);
}

/** Whether a tag names a digest other than the one that is an ingested version. */
export function leavesVersion(
  before: Tag,
  digest: string,
  { leaving }: Pick<TagRows, 'leaving'>,
): boolean {
  return before.digest !== digest && leaving?.state === 'ingested';
}

function decideMoved(before: Tag, digest: string, { seen_at }: TagLook): TagOutcome {
  const { digest: from, moved_to } = before;
  return {
    was: before,
    tag: { ...before, checked_at: seen_at, moved_to: digest, gone_at: null },
    event: moved_to === digest ? null : ['moved', { code: 'tag_moved', from, to: digest }],
    moves: [],
    version: null,
  };
}

function decideDeleted(
  { tag, seen_at }: TagLook,
  before: Tag,
  { leaving }: TagRows,
  now: Date,
): TagOutcome | null {
  if (before.gone_at !== null) return null;
  return {
    was: before,
    tag: { ...before, checked_at: seen_at, gone_at: seen_at },
    event: ['deleted', { digest: before.digest }],
    moves: movesOf(leaving, { kind: 'tag_left', tag, names: null, build: null }, now),
    version: null,
  };
}

function decideNamed(
  { account, module, tag, build, seen_at }: TagLook,
  digest: string,
  { before, leaving, named, version }: TagRows,
  now: Date,
): TagOutcome {
  const naming =
    version === null
      ? ({ kind: 'tag_seen', tag } as const)
      : ({ kind: 'version_tagged', tag, version_string: version.version_string } as const);
  const arrivals = movesOf(named, naming, now);

  return {
    was: before,
    tag: {
      account,
      module,
      tag,
      digest,
      checked_at: seen_at,
      moved_to: null,
      gone_at: null,
      revision: before?.revision ?? 0,
    },
    event: null,
    moves: [...movesOf(leaving, { kind: 'tag_left', tag, names: digest, build }, now), ...arrivals],
    version: arrivals.length > 0 ? version : null,
  };
}

function movesOf(
  candidate: Candidate | null,
  occurrence: Parameters<typeof transition>[1],
  now: Date,
): TagOutcome['moves'] {
  const follows = candidate && transition(candidate, occurrence, now);
  return candidate === null || follows === null ? [] : [{ candidate, follows }];
}
