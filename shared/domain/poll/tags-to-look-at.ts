import type { Tag } from './repository.ts';

/**
 * Known tags that are to be looked at now, in this order: those that left the list, then those whose last look was before
 * `before`, the oldest first. A tag that is gone and is not listed again is left alone.
 * @param listed all tags that the registry lists; null where the list was cut short, so that it says of none that it left
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
