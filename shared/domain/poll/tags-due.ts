import { limits } from '../../base/limits/index.ts';
import { wholeTagOf } from '../modules/index.ts';
import type { Tag } from './repository.ts';
import { type TagList, versionTags } from './tag-list.ts';

/**
 * Listed tags that are not known yet. A deleted tag that is listed again counts as new, and so does
 * the tag of a build whose version is new: it may be an index of that build.
 */
export function freshTags(list: TagList, known: readonly Tag[]): string[] {
  const present = new Set(known.filter(({ gone_at }) => gone_at === null).map(({ tag }) => tag));
  const listed = versionTags(list);
  const fresh = new Set(listed.filter((tag) => !present.has(tag)));

  return listed.filter((tag) => fresh.has(tag) || fresh.has(wholeTagOf(tag) ?? ''));
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
