export { type WantedCapability, wantedCapability } from './capability.ts';
export { compose } from './compose.ts';
export { decodeIndex, encodeIndex, indexOf } from './composition-index.ts';
export { refuseSharedPorts } from './exclusive.ts';
export { explainPath } from './explain.ts';
export { explainUnmoved, type Move } from './explain-unmoved.ts';
export { generatedOwner, withGenerated } from './generated.ts';
export { findLostFiles } from './lost-files.ts';
export { emptyIndex, previewComposition } from './preview.ts';
export { layerName, layerPriority, type RankOf } from './priority.ts';
export { type AskedKey, listAskedKeys, listMissingKeys, renderInstanceFiles } from './render.ts';
export { compareRendered, type Rendering } from './rendered-changes.ts';
export type { ResolvedRequirement } from './requirement.ts';
export {
  type Resolution,
  type ResolutionInput,
  type ResolvedModule,
  resolve,
  resolveVersions,
} from './resolve.ts';
export { type TruncatedReport, truncateList, truncateReport } from './truncate.ts';
export {
  chooseVersion,
  parseConstraint,
  pinnedChoices,
  type Standing,
  type VersionChoice,
  versionChoices,
} from './version-choice.ts';
