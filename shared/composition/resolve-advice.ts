import semver from 'semver';
import { limits } from '../base/limits/index.ts';
import { namedVersion, parseVersionRange } from '../domain/modules/index.ts';
import type { VersionChoice } from './version-choice.ts';

/** What is asked of a module: see `Demand`. */
interface Asked {
  by: string | null;
  text: string | null;
  capability: string | null;
}

type Advise = (choices: readonly VersionChoice[], demands: readonly Asked[]) => string | null;

/** Says what to do where no version of a module fits. Empty if the reasons say all there is. */
export function sayWayForward(
  choices: readonly VersionChoice[],
  demands: readonly Asked[],
): string {
  for (const advise of advice) {
    const sentence = advise(choices, demands);
    if (sentence !== null) return `; ${sentence}`;
  }

  return '';
}

const advice: readonly Advise[] = [adviseOnSuperseded, adviseOnBuilds, adviseOnPrereleases];

/**
 * Only superseded versions are left of a module that is assigned without a constraint: its last
 * live version was withdrawn.
 */
function adviseOnSuperseded(
  choices: readonly VersionChoice[],
  demands: readonly Asked[],
): string | null {
  const left = choices.length > 0 && choices.every(({ standing }) => standing === 'superseded');
  const unconstrained = demands.every(({ by, text }) => by === null && text === null);
  if (!left || !unconstrained) return null;

  const named = nameSome(choices);
  return `promote ${named[0]} to live or set it as the constraint, or retire ${named.join(', ')} first to remove the module from the machines`;
}

/** A constraint names 1.0.0 alone, where only builds of it such as 1.0.0+b1 exist. */
function adviseOnBuilds(
  choices: readonly VersionChoice[],
  demands: readonly Asked[],
): string | null {
  for (const { text, capability } of demands) {
    const named = text === null || capability !== null ? null : namedVersion(text);
    if (named === null || named.includes('+')) continue;

    const [build] = choices.filter((one) => semver.eq(one.version_string, named));
    if (build !== undefined)
      return `${text} names that version alone: name a build such as ${build.version_string}, or allow each build with "${named} - ${named}"`;
  }

  return null;
}

/** A range excludes a pre-release only because it names none of that version. */
function adviseOnPrereleases(
  choices: readonly VersionChoice[],
  demands: readonly Asked[],
): string | null {
  for (const { text, capability } of demands) {
    const range = text === null || capability !== null ? null : parseVersionRange(text);
    if (text === null || range === null || namedVersion(text) !== null) continue;

    const prerelease = choices.find(
      ({ version_string: version }) =>
        semver.prerelease(version) !== null &&
        !range.allows(version) &&
        range.allows(version.replace(/-.*$/, '')),
    );
    if (prerelease !== undefined)
      return `as in npm, ${text} takes no pre-release: name one, as in ">=${prerelease.version_string}"`;
  }

  return null;
}

function nameSome(choices: readonly VersionChoice[]): string[] {
  return choices.slice(0, limits.clashVersionsShown).map((one) => one.version_string);
}
