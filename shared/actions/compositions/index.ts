export { objectsOf, readRecord, recordInPlace } from './composition-record.ts';
export { type LayerFile, readLayerFiles } from './layer-files.ts';
export type { CompositionRecord, InstanceFile } from './record-schema.ts';
export { instanceFilesOf, readInstanceFiles } from './rendered-files.ts';
export { readTemplateModules } from './template-modules.ts';
