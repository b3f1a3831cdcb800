import { limits } from '../../base/limits/index.ts';
import type { Tag } from './repository.ts';
import { type TagList, versionTags } from './tag-list.ts';

/** Listed tags that are not known yet. One that was gone and is listed again counts as new. */
export function freshTags(list: TagList, known: readonly Tag[]): string[] {
  const present = new Set(known.filter(({ gone_at }) => gone_at === null).map(({ tag }) => tag));
  return versionTags(list).filter((tag) => !present.has(tag));
}

/**
 * Known tags that are due to be looked at again: first those that left the list, then those with
 * the oldest look before `before`. A tag that is gone and is not listed again is left alone.
 * @param listed all tags that the registry lists; null where the list was cut short, so that it
 * says of no tag that it left
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

/** How many known tags one poll looks at again. A poll that somebody asked for looks at more. */
export function tagRechecksMax(known: readonly Tag[], recheck: boolean): number {
  return recheck
    ? limits.freshTagsMax
    : Math.max(limits.tagRechecksMax, Math.ceil(known.length / pollsAnHour));
}
