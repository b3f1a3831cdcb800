import { limits } from '../../base/limits/index.ts';
import { wholeTagOf } from '../modules/index.ts';
import type { Repository, Tag } from './repository.ts';
import { type TagList, versionTags } from './tag-list.ts';
import type { UnreadableTag } from './unreadable-tag.ts';

/** A repository's list, and what is stored of its tags. */
export interface TagsSeen {
  list: TagList;
  known: readonly Tag[];
  unreadable: readonly UnreadableTag[];
}

/** What a poll asks for, in this order. */
export interface LookPlan {
  /**
   * Listed tags that are not known, and tags of their builds; those that were refused before come
   * last.
   */
  fresh: string[];
  /** Known tags. */
  due: string[];
  /** When the first tag that has to wait may be asked for again; null without any. */
  retryAt: string | null;
  /** Rows about tags that are neither listed nor known. */
  obsolete: UnreadableTag[];
}

/**
 * Plans which tags a poll asks for. A refused tag waits; a requested poll asks for it anyway.
 * @param before known tags that were looked at later are left alone
 */
export function planLooks(
  { list, known, unreadable }: TagsSeen,
  { repository }: Pick<Repository, 'repository'>,
  { now, before, recheck }: { now: string; before: string; recheck: boolean },
): LookPlan {
  const listed = list.cut === null ? new Set(list.tags) : null;
  const present = new Set(known.filter(({ gone_at }) => gone_at === null).map(({ tag }) => tag));
  const isObsolete = ({ tag }: UnreadableTag) =>
    listed !== null && !listed.has(tag) && !present.has(tag);
  const isWaiting = (row: UnreadableTag) =>
    !recheck && row.repository === repository && row.next_look_at > now;

  const refused = unreadable.filter((row) => !isObsolete(row));
  const waits = refused.filter(isWaiting);
  const waiting = new Set(waits.map(({ tag }) => tag));
  const ready = new Set(refused.map(({ tag }) => tag).filter((tag) => !waiting.has(tag)));

  const fresh = freshTags(list, known, waiting);
  const again = [...ready].filter((tag) => present.has(tag));
  const due = tagsToLookAt(known, listed, before).filter((tag) => !waiting.has(tag));

  return {
    fresh: [...fresh.filter((tag) => !ready.has(tag)), ...fresh.filter((tag) => ready.has(tag))],
    due: [...new Set([...again, ...due])],
    retryAt: waits.map(({ next_look_at }) => next_look_at).sort()[0] ?? null,
    obsolete: unreadable.filter(isObsolete),
  };
}

/**
 * Listed tags that are not known yet. A deleted tag that is listed again counts as new. Known tags
 * of builds whose version is new come last: the tag of the version may name an index of that build.
 * @param waiting tags that are not asked for now, so they make no tag of a build new
 */
export function freshTags(
  list: TagList,
  known: readonly Tag[],
  waiting: ReadonlySet<string> = new Set(),
): string[] {
  const present = new Set(known.filter(({ gone_at }) => gone_at === null).map(({ tag }) => tag));
  const listed = versionTags(list).filter((tag) => !waiting.has(tag));
  const fresh = new Set(listed.filter((tag) => !present.has(tag)));
  const builds = listed.filter((tag) => present.has(tag) && fresh.has(wholeTagOf(tag) ?? ''));

  return [...fresh, ...builds];
}

/**
 * Known tags that are due to be looked at again: first those that left the list, then those with
 * the oldest look before `before`. A deleted tag that is not listed again is skipped.
 * @param listed all tags that the registry lists; null if the list is incomplete, because a missing
 * tag may still exist
 */
export function tagsToLookAt(
  known: readonly Tag[],
  listed: ReadonlySet<string> | null,
  before: string,
): string[] {
  const present = known.filter(({ gone_at }) => gone_at === null);
  const left = present.filter(({ tag }) => listed !== null && !listed.has(tag));
  const stale = present
    .filter(({ tag, checked_at }) => checked_at < before && (listed === null || listed.has(tag)))
    .sort((a, b) => (a.checked_at < b.checked_at ? -1 : 1));

  return [...left, ...stale].map(({ tag }) => tag);
}

/** So many polls have known tags to look at before the first is due again. */
const pollsAnHour = limits.tagRecheckSeconds / limits.pollSeconds;

/** How many known tags one poll looks at again. A requested poll looks at more. */
export function tagRechecksMax(known: readonly Tag[], recheck: boolean): number {
  return recheck
    ? limits.freshTagsMax
    : Math.max(limits.tagRechecksMax, Math.ceil(known.length / pollsAnHour));
}
