export { compose } from './compose.ts';
export { decodeIndex, encodeIndex, indexOf } from './composition-index.ts';
export { explainPath } from './explain.ts';
export { previewComposition } from './preview.ts';
export { layerName, layerPriority, type RankOf } from './priority.ts';
export { renderInstanceFiles } from './render.ts';
export { type Resolution, type ResolutionInput, type ResolvedModule, resolve, resolveVersions } from './resolve.ts';
export type { Requirement } from './resolve-search.ts';
export { chooseVersion, type Standing, type VersionChoice, versionChoices } from './version-choice.ts';
