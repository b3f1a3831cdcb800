import semver from 'semver';
import type { Version } from './version.ts';

/** The meaning of a tag (product.md, section 4). */
export type TagMeaning =
  | { kind: 'version'; version_string: string }
  | { kind: 'commit'; version_string: string }
  /** A commit hash without letters, where the registration says that such tags are hashes. */
  | { kind: 'digits'; version_string: string }
  | { kind: 'signature' }
  | { kind: 'ignored' };

// OCI distribution 1.1, "Pulling manifests". Registries may list anything, even a second 1.0.0 with
// a trailing blank.
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether a registry may have such a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Reads a tag: a semver tag (with or without `v`) gives the version, a commit hash, whole or
 * abbreviated, gives `0.0.0+git.<first 12>`, `sha256-…` tags are signatures, everything else is
 * ignored. Digits alone are a date or the number of a run rather than a hash, unless the
 * registration says otherwise (`digit_commits`).
 */
export function readTag(tag: string): TagMeaning {
  if (!isTag(tag)) return { kind: 'ignored' };
  if (/^sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$/.test(tag)) return { kind: 'signature' };

  const bare = tag.startsWith('v') ? tag.slice(1) : tag;
  // OCI tags cannot hold `+`; builders write `_` for it, as Helm does.
  const version = semver.valid(bare.replace('_', '+'));
  if (version !== null && /^\d/.test(bare))
    return { kind: 'version', version_string: bare.replace('_', '+') };
  if (/^(?:[0-9a-f]{7,40}|[0-9a-f]{64})$/.test(tag)) {
    const kind = /^\d+$/.test(tag) ? 'digits' : 'commit';
    return { kind, version_string: `0.0.0+git.${tag.slice(0, 12)}` };
  }

  return { kind: 'ignored' };
}

const architecture =
  'amd64|arm64|arm|armhf|armel|386|i386|ppc64le|ppc64el|riscv64|s390x|loong64|mips64le|x86_64|aarch64';
const buildTagPattern = new RegExp(`^(.+?)(?:-linux)?-(?:${architecture})(?:-?v\\d)?$`);

/**
 * The tag of the whole version that a tag of one build of it has: `v1.0.0` of `v1.0.0-amd64`, as
 * the workflow of Powernode's modules pushes them. Null for a tag that has no such form.
 */
export function wholeTagOf(tag: string): string | null {
  const [, whole = null] = buildTagPattern.exec(tag) ?? [];
  return whole !== null && readTag(whole).kind === 'version' ? whole : null;
}

/**
 * The version that tags give, in the order in which they were seen: the first semver tag's, else
 * that of the first of the longest commit hashes. Tags of builds name no version beside the tag of
 * the whole.
 */
export function versionStringOf(tags: readonly string[]): string {
  const named = (...kinds: ('version' | 'commit' | 'digits')[]) =>
    tags.flatMap((tag) => {
      const meaning = readTag(tag);
      if (tags.includes(wholeTagOf(tag) ?? '')) return [];
      return kinds.some((kind) => kind === meaning.kind) && 'version_string' in meaning
        ? [meaning.version_string]
        : [];
    });
  const commits = named('commit', 'digits').sort((a, b) => b.length - a.length);

  return named('version')[0] ?? commits[0] ?? '';
}

/** True if a commit hash is the only source of a version's name so far. */
export function isCommitName(version_string: string): boolean {
  return version_string.startsWith('0.0.0+git.');
}

/**
 * Whether an image whose label states a version may have this one: the same, or the name of a
 * commit.
 */
export function mayBeVersion(stated: string, version_string: string): boolean {
  const meaning = readTag(stated.replace('+', '_'));
  return (
    isCommitName(version_string) ||
    (meaning.kind === 'version' && meaning.version_string === version_string)
  );
}

/**
 * The version string that a further tag offers to a version: a semver tag names what only a commit
 * named so far, while it is merely built. Null if the tag is just another tag of it.
 */
export function offeredVersionString(
  version: Pick<Version, 'promotion_state' | 'version_string' | 'labels'>,
  tag: string,
): string | null {
  const meaning = readTag(tag);
  const named = version.promotion_state !== 'built' || !isCommitName(version.version_string);
  if (meaning.kind !== 'version' || named) return null;

  const { labels } = version;
  const fits = labels === null || mayBeVersion(labels.version, meaning.version_string);
  return fits ? meaning.version_string : null;
}

/** Order of versions: semver, then time of ingest; the newest last. */
export function compareVersions(
  a: { version_string: string; ingested_at: string },
  b: { version_string: string; ingested_at: string },
): number {
  return (
    semver.compare(a.version_string, b.version_string) ||
    (a.ingested_at < b.ingested_at ? -1 : a.ingested_at > b.ingested_at ? 1 : 0)
  );
}
