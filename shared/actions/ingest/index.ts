export { ingestCandidate } from './ingest-candidate.ts';
export { storeLayer } from './store-layer.ts';
