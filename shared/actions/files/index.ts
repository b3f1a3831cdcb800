export { layerEntries } from './layer-entries.ts';
export { readFileIndex } from './read-file-index.ts';
