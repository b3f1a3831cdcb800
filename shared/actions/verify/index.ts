export { evidenceOf, verifyCandidate } from './verify-candidate.ts';
