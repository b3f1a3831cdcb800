export { compose } from './compose.ts';
export { decodeIndex, encodeIndex, indexOf } from './composition-index.ts';
export { type CutReport, cutReport } from './cut.ts';
export { explainPath } from './explain.ts';
export { emptyIndex, previewComposition } from './preview.ts';
export { layerName, layerPriority, type RankOf } from './priority.ts';
export { type AskedKey, askedKeys, lackingKeys, renderInstanceFiles } from './render.ts';
export { type Rendering, renderedChanges } from './rendered-changes.ts';
export {
  type Resolution,
  type ResolutionInput,
  type ResolvedModule,
  resolve,
  resolveVersions,
} from './resolve.ts';
export type { Requirement } from './resolve-search.ts';
export { type Move, unmoved } from './unmoved.ts';
export {
  chooseVersion,
  type Standing,
  type VersionChoice,
  versionChoices,
} from './version-choice.ts';
