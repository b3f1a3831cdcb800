export { ingestCandidate } from './ingest-candidate.ts';
export { takeLayer } from './store-layer.ts';
