import { GantryError } from '../base/error.ts';
import { isSlug } from '../base/slug.ts';
import {
  capabilityPattern,
  capabilityPrefix,
  expectedRange,
  normaliseVersions,
  parseVersionRange,
} from '../domain/modules/index.ts';
import { describeValue } from './problem.ts';

/** An entry of `dependencies.requires`. */
export type ManifestRequirement = ModuleRequirement | CapabilityRequirement;

interface ModuleRequirement {
  kind: 'module';
  /**
   * Null for a bare name, which the platform resolves: its own account first, then `powernode`,
   * then a capability.
   */
  account: string | null;
  module: string;
  /** A range as `parseVersionRange` reads it. */
  constraint: string;
}

interface CapabilityRequirement {
  kind: 'capability';
  capability: string;
  /** The same, with versions as npm reads them. */
  constraint: string;
}

const forms = '<account>/<module>, <module> or capability:<tag>, each with @<range> or without';

/**
 * Parses `<account>/<module>@<constraint>` or `capability:<tag>@<constraint>`. The account and the
 * constraint are optional; without a constraint any version will do. Accounts and modules are found
 * whatever case their names are written in. Throws `requirement_invalid`.
 */
export function parseRequirement(text: string): ManifestRequirement {
  return text.startsWith(capabilityPrefix) ? parseCapability(text) : parseModule(text);
}

/** How a resolution names what is required: see `ResolvedRequirement`. */
export function requiredName(requirement: ManifestRequirement): string {
  if (requirement.kind === 'capability') return `${capabilityPrefix}${requirement.capability}`;
  const { account, module } = requirement;
  return account === null ? module : `${account}/${module}`;
}

function parseCapability(text: string): CapabilityRequirement {
  const { name, constraint } = splitAtSign(text.slice(capabilityPrefix.length));
  if (!capabilityPattern.test(name))
    throw requirementInvalidError('expected a capability after "capability:"', text);

  const range = normaliseVersions(constraint);
  if (parseVersionRange(range) === null) throw constraintInvalidError(text);

  return { kind: 'capability', capability: name, constraint: range };
}

function parseModule(text: string): ModuleRequirement {
  const { name: written, constraint } = splitAtSign(text);
  const name = written.toLowerCase();
  const [account, module, ...more] = name.includes('/') ? name.split('/') : [undefined, name];

  if (more.length > 0) throw requirementInvalidError(`expected ${forms}`, text);
  if (account !== undefined && !isSlug(account))
    throw requirementInvalidError('expected an account name before the "/"', text);
  if (module === undefined || !isSlug(module)) {
    const expected = text.includes('@') ? 'a module name before the "@"' : forms;
    throw requirementInvalidError(`expected ${expected}`, text);
  }
  if (parseVersionRange(constraint) === null) throw constraintInvalidError(text);

  return { kind: 'module', account: account ?? null, module, constraint };
}

function splitAtSign(text: string): { name: string; constraint: string } {
  const at = text.indexOf('@');
  return at === -1
    ? { name: text, constraint: '*' }
    : { name: text.slice(0, at), constraint: text.slice(at + 1) };
}

function constraintInvalidError(found: string): GantryError {
  return requirementInvalidError(`expected ${expectedRange(found)} after the "@"`, found);
}

function requirementInvalidError(expected: string, found: string): GantryError {
  return new GantryError('requirement_invalid', `${expected}, found ${describeValue(found)}`, {
    expected,
    found,
  });
}
