export type { Contender } from './conflict-side.ts';
export {
  type ConflictKind,
  canConflict,
  cutConflicts,
  findConflicts,
  isRefused,
  type ManifestConflict,
} from './conflicts.ts';
export { type IsText, type ManifestDocument, readDocument } from './document.ts';
export { schemaFindings, type Vocabulary } from './findings.ts';
export { inheritsSpec, withInheritedSpec } from './inherit.ts';
export { locateFindings } from './locate.ts';
export { formatManifestJson, parseManifest, parseManifestJson, validateManifest } from './parse.ts';
export {
  describeValue,
  formatProblem,
  type KeyPath,
  type ManifestFinding,
  type ManifestProblem,
  ModuleManifestSchemaError,
} from './problem.ts';
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
