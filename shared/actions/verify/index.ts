export { verifyCandidate } from './verify-candidate.ts';
