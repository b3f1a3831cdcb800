import semver from 'semver';
import { GantryError } from '../base/error.ts';
import { isSlug } from '../base/slug.ts';
import { describeValue } from './problem.ts';

/** An entry of `dependencies.requires`. */
export interface ManifestRequirement {
  /** Null for a bare name, which the platform resolves: its own account first, then `powernode`. */
  account: string | null;
  module: string;
  /** An npm-style semver range. */
  constraint: string;
}

const form = /^(?:([^/@]*)\/)?([^/@]*)@(.*)$/s;

/** The longest constraint: semver itself refuses versions beyond 256 characters. */
const constraintLengthMax = 256;

/** Parses `<account>/<module>@<constraint>`, the account optional. Throws `requirement_invalid`. */
export function parseRequirement(text: string): ManifestRequirement {
  const [, account, module, constraint] = form.exec(text) ?? [];
  if (module === undefined || constraint === undefined) {
    throw requirementInvalidError('expected <account>/<module>@<constraint>', text);
  }

  if (account !== undefined && !isSlug(account))
    throw requirementInvalidError('expected an account name before the "/"', text);
  if (!isSlug(module)) throw requirementInvalidError('expected a module name before the "@"', text);
  if (!isConstraint(constraint))
    throw requirementInvalidError('expected a semver range such as ^1.0 after the "@"', text);

  return { account: account ?? null, module, constraint };
}

function isConstraint(text: string): boolean {
  // The semver library reads an empty range as "any", but an author who means that writes `*`.
  return (
    text.trim() !== '' && text.length <= constraintLengthMax && semver.validRange(text) !== null
  );
}

function requirementInvalidError(expected: string, found: string): GantryError {
  return new GantryError('requirement_invalid', `${expected}, found ${describeValue(found)}`, {
    expected,
    found,
  });
}
