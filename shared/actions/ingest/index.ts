export { ingestCandidate } from './ingest-candidate.ts';
export { boundSideLayers, splitLayers } from './side-layers.ts';
export { storeLayer } from './store-layer.ts';
