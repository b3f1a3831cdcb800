export { compose } from './compose.ts';
export { layerName, layerPriority, type RankOf } from './priority.ts';
export { renderInstanceFiles } from './render.ts';
export { type Requirement, type ResolutionInput, type ResolvedModule, resolveVersions } from './resolve.ts';
export { chooseVersion, type Standing, type VersionChoice, versionChoices } from './version-choice.ts';
