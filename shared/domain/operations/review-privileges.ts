import { limits } from '../../base/limits/index.ts';
import { needsPolicy, packageCode, type ReviewedPrivilege } from '../compose/index.ts';
import type { ReviewedChange, ReviewFact } from './review.ts';

/**
 * What reviewers judge the privileges by that machines would get: one entry for each module, and
 * one for each that brings code of packages.
 */
export function reviewPrivileges(privileges: readonly ReviewedPrivilege[]): ReviewedChange[] {
  const groups = Map.groupBy(privileges, (one) => JSON.stringify([one.module, needsPolicy(one)]));

  return [...groups.values()].map((own) => {
    const [{ module, kind } = { module: '', kind: '' }] = own;
    const places = new Set(own.flatMap((one) => one.places.map((place) => JSON.stringify(place))));
    return {
      kind: needsPolicy({ kind }) ? 'module_assign_privileged' : packageCode,
      facts: [
        { name: 'module', was: null, now: module },
        { name: 'tracks of templates', was: null, now: String(places.size) },
        ...own.flatMap(changeOf),
      ],
      warnings: own.map(({ sentence }) => sentence),
      content: null,
    };
  });
}

/** The old and the new privilege. Two that read the same differ in the digest of what they say. */
function changeOf({ kind, sentence, digest, was }: ReviewedPrivilege): ReviewFact[] {
  if (was === null) return [];
  const isSame = was.sentence === sentence;
  const textOf = (one: { sentence: string; digest: string }) =>
    isSame ? `${one.sentence} (sha256 ${one.digest.slice(0, 12)})` : one.sentence;
  return [{ name: kind.replaceAll('_', ' '), was: textOf(was), now: textOf({ sentence, digest }) }];
}

/** The same as lines of a mail, which leaves out what is too long for one. */
export function privilegeLines(privileges: readonly ReviewedPrivilege[]): string[] {
  const lines = privileges.map(({ module, kind, sentence, was }) => {
    const what = needsPolicy({ kind }) ? 'privilege' : 'code of packages';
    return `${was === null ? what : `changed ${what}`} of ${module}: ${sentence}`;
  });
  const more = lines.length - limits.mailedPrivilegesMax;
  if (more <= 0) return lines;
  return [
    ...lines.slice(0, limits.mailedPrivilegesMax),
    `${more} more privileges are on the page, which the link opens.`,
  ];
}
