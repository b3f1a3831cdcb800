export {
  type ConflictKind,
  type Contender,
  conflictsOf,
  cutConflicts,
  isRefused,
  type ManifestConflict,
  mayConflict,
} from './conflicts.ts';
export { formatManifestJson, parseManifest, parseManifestJson, validateManifest } from './parse.ts';
export { type ManifestProblem, ModuleManifestSchemaError } from './problem.ts';
export { parseRequirement, type Requirement } from './requirement.ts';
export {
  buildMask,
  carveOuts,
  checkAgainstRow,
  type RegistrationRow,
  type RowProblem,
} from './row.ts';
export { type ModuleManifest, moduleManifestJsonSchema } from './schema.ts';
