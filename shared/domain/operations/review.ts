import { limits } from '../../base/limits/index.ts';
import { compareManifests, type ModuleManifest, type PackageDifference } from '../modules/index.ts';

/** One thing that a change sets: its old and its new value, as people read them. */
export interface ReviewFact {
  name: string;
  /** Null where there was none, or where the change has no old value. */
  was: string | null;
  now: string | null;
}

/** The differences between two lists. `more` counts those that were left out. */
export interface ListDifference {
  added: string[];
  removed: string[];
  changed: string[];
  more: number;
}

/** The differences in content between the version that would be replaced and the new one. */
export interface ContentDifference {
  files: ListDifference;
  packages: ListDifference;
  manifest: ReviewFact[];
}

/** What reviewers judge one change of an operation by. */
export interface ReviewedChange {
  kind: string;
  facts: ReviewFact[];
  /** What a reviewer should not overlook: "this is a downgrade". */
  warnings: string[];
  /** Null for a change of no version, or where nothing is replaced. */
  content: ContentDifference | null;
}

/** A template whose composition the changes may alter, and its machines on that track. */
export interface ReviewedTemplate {
  template_id: string;
  name: string;
  track: string;
  machines: number;
}

/** What reviewers judge a request by. */
export interface Review {
  /** The requester as people know them. */
  requester: string;
  /** What could not be shown of the request as a whole. */
  warnings: string[];
  votes: { approvals: number; quorum: number };
  changes: ReviewedChange[];
  templates: ReviewedTemplate[];
  /** Templates that were left out. */
  more_templates: number;
  /** Machines of the listed templates. */
  machines: number;
  /** What a reviewer without sign-in types to decide. */
  confirmation: string;
}

/** A reviewer must not take the changes that are shown for all of them. */
export function warnUnshown(changes: number): string[] {
  const unshown = changes - limits.reviewedChangesMax;
  if (unshown <= 0) return [];
  return [
    `${unshown} of the ${changes} changes are not shown here. Look at the operation before you approve it.`,
  ];
}

/** Compares two lists of names with what identifies the content of each; bounded, sorted. */
export function compareLists(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  max: number,
): ListDifference {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const added = names.filter((name) => !before.has(name));
  const removed = names.filter((name) => !after.has(name));

  const changed = names.filter(
    (name) => before.has(name) && after.has(name) && before.get(name) !== after.get(name),
  );

  const cut = (list: string[]) => list.slice(0, max);
  const over = (list: string[]) => Math.max(0, list.length - max);

  return {
    added: cut(added),
    removed: cut(removed),
    changed: cut(changed),
    more: over(added) + over(removed) + over(changed),
  };
}

/** Packages that differ, as lines: `nginx 1.22.1-9 → 1.22.1-9+deb12u1`. */
export function packageLines(
  { added, removed, changed }: PackageDifference,
  max: number,
): ListDifference {
  const line = ({ name, version }: { name: string; version: string | null }) =>
    version === null ? name : `${name} ${version}`;
  const lines = {
    added: added.slice(0, max).map(line),
    removed: removed.slice(0, max).map(line),
    changed: changed
      .slice(0, max)
      .map(({ name, was, now }) => `${name} ${was ?? '-'} → ${now ?? '-'}`),
  };

  const shown = lines.added.length + lines.removed.length + lines.changed.length;
  return { ...lines, more: added.length + removed.length + changed.length - shown };
}

/** The facts whose old and new value differ. */
export function changedFacts(facts: readonly ReviewFact[]): ReviewFact[] {
  return facts.filter(({ was, now }) => was !== now);
}

/** The fields of two manifests that differ. A value that is too long is cut, and says so. */
export function manifestFacts(was: ModuleManifest, now: ModuleManifest): ReviewFact[] {
  return compareManifests(was, now).map(({ field, ...values }) => ({
    name: field,
    was: cutValue(values.was),
    now: cutValue(values.now),
  }));
}

function cutValue(json: string | null): string | null {
  if (json === null || json.length <= limits.reviewedValueMax) return json;
  return `${json.slice(0, limits.reviewedValueMax).toWellFormed()}… (cut)`;
}

/** A fact in one line: "quorum: 5 → 1", or "constraint: ^1.0" where there is no old value. */
export function factText({ name, was, now }: ReviewFact): string {
  return was === null ? `${name}: ${now ?? 'none'}` : `${name}: ${was} → ${now ?? 'none'}`;
}
