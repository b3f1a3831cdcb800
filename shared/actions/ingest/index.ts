export { ingestCandidate } from './ingest-candidate.ts';
export { renewFileIndexes, scheduleIndexRenewals } from './renew-file-indexes.ts';
export { boundSideLayers, splitLayers } from './side-layers.ts';
export { storeLayer } from './store-layer.ts';
