import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { readTag, wholeTagOf } from '../modules/index.ts';
import type { Repository } from './repository.ts';

/** A repository's tags as its registry listed them. */
export interface TagList {
  tags: readonly string[];
  /** Why the list is incomplete, so that a missing tag may still exist; null if it is complete. */
  cut: string | null;
  /** Whether tags of digits alone are commit hashes, by the registration of the module. */
  digits: boolean;
  tags_hash: string;
  ignored_tags: string[];
}

export function readTagList({ tags, cut }: Pick<TagList, 'tags' | 'cut'>): TagList {
  return {
    tags,
    cut,
    digits: false,
    // Sorted: some registries page in an order of their own.
    tags_hash: sha256Hex(JSON.stringify([...tags].sort())),
    ignored_tags: listIgnored(tags, ['ignored', 'digits']),
  };
}

/** The list for a module that takes tags of digits alone as commit hashes. */
export function withDigits(list: TagList): TagList {
  return { ...list, digits: true, ignored_tags: listIgnored(list.tags, ['ignored']) };
}

/** Whether the meaning of a tag depends on the registration. */
export function hasDigits({ tags }: Pick<TagList, 'tags'>): boolean {
  return tags.some((tag) => readTag(tag).kind === 'digits');
}

function listIgnored(tags: readonly string[], kinds: readonly string[]): string[] {
  return tags.filter((tag) => kinds.includes(readTag(tag).kind)).slice(0, limits.ignoredTagsShown);
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
export function versionTags({ tags, digits }: Pick<TagList, 'tags' | 'digits'>): string[] {
  const ofKind = (wanted: 'version' | 'commit' | 'digits') =>
    tags.filter((tag) => readTag(tag).kind === wanted);
  const commits = [...ofKind('commit'), ...(digits ? ofKind('digits') : [])];
  const named = [...new Set([...ofKind('version'), ...commits])];
  const [whole, builds] = [true, false].map((wanted) =>
    named.filter((tag) => (wholeTagOf(tag) === null) === wanted),
  );

  return [...(whole ?? []), ...(builds ?? [])];
}
