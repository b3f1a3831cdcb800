export type { Contender } from './conflict-side.ts';
export {
  type ConflictKind,
  canConflict,
  cutConflicts,
  findConflicts,
  isRefused,
  type ManifestConflict,
} from './conflicts.ts';
export { inheritsSpec, withInheritedSpec } from './inherit.ts';
export { formatManifestJson, parseManifest, parseManifestJson, validateManifest } from './parse.ts';
export { type ManifestProblem, ModuleManifestSchemaError } from './problem.ts';
export {
  buildMask,
  carveOutCure,
  carveOuts,
  matchRegistration,
  type RegistrationFacts,
  type RegistrationMismatch,
} from './registration-match.ts';
export { type ManifestRequirement, parseRequirement, requiredName } from './requirement.ts';
export { type ModuleManifest, moduleManifestJsonSchema } from './schema.ts';
export { adviseOnShipping, listUnmatched, type ShippingAdvice } from './shipping.ts';
