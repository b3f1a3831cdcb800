import { limits } from '../../base/limits/index.ts';
import type { GroupedPrivilege } from '../compose/index.ts';
import type { ReviewedChange } from './review.ts';

/** What reviewers judge the privileges by that machines would get: one entry for each module. */
export function reviewPrivileges(privileges: readonly GroupedPrivilege[]): ReviewedChange[] {
  const modules = Map.groupBy(privileges, ({ module }) => module);

  return [...modules].map(([module, own]) => {
    const places = new Set(own.flatMap((one) => one.places.map((place) => JSON.stringify(place))));
    return {
      kind: 'module_assign_privileged',
      facts: [
        { name: 'module', was: null, now: module },
        { name: 'tracks of templates', was: null, now: String(places.size) },
      ],
      warnings: own.map(({ sentence }) => sentence),
      content: null,
    };
  });
}

/** The same as lines of a mail, which leaves out what is too long for one. */
export function privilegeLines(privileges: readonly GroupedPrivilege[]): string[] {
  const lines = privileges.map(({ module, sentence }) => `privilege of ${module}: ${sentence}`);
  const more = lines.length - limits.mailedPrivilegesMax;
  if (more <= 0) return lines;
  return [
    ...lines.slice(0, limits.mailedPrivilegesMax),
    `${more} more privileges are on the page, which the link opens.`,
  ];
}
