export { candidateWrites, claimCandidate, moveCandidate, sendOn } from './move-candidate.ts';
