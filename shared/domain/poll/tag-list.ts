import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { readTag, wholeTagOf } from '../modules/index.ts';
import type { Repository } from './repository.ts';

/** A repository's tags as its registry listed them. */
export interface TagList {
  tags: readonly string[];
  /** Why the list is incomplete, so that a missing tag may still exist; null if it is complete. */
  cut: string | null;
  tags_hash: string;
  ignored_tags: string[];
}

export function readTagList({ tags, cut }: Pick<TagList, 'tags' | 'cut'>): TagList {
  return {
    tags,
    cut,
    // Sorted: some registries page in an order of their own.
    tags_hash: sha256Hex(JSON.stringify([...tags].sort())),
    ignored_tags: tags
      .filter((tag) => readTag(tag).kind === 'ignored')
      .slice(0, limits.ignoredTagsShown),
  };
}

/**
 * True if a poll ends after the list, because it did not change since the last poll and no known
 * tag is due.
 */
export function endsWithList(row: Repository, { tags_hash }: TagList, now: string): boolean {
  return tags_hash === row.tags_hash && row.recheck_at > now;
}

/**
 * Listed tags that can name a version, each once. Semver tags come first, so that a digest which a
 * commit's tag names as well gets its version from the start. Tags of builds come last, because
 * their index is the version.
 */
export function versionTags({ tags }: TagList): string[] {
  const ofKind = (wanted: 'version' | 'commit') =>
    tags.filter((tag) => readTag(tag).kind === wanted);
  const named = [...new Set([...ofKind('version'), ...ofKind('commit')])];
  const [whole, builds] = [true, false].map((wanted) =>
    named.filter((tag) => (wholeTagOf(tag) === null) === wanted),
  );

  return [...(whole ?? []), ...(builds ?? [])];
}
