export { checkProof, type ExpectedRequest, makeProof, type ProofClaims } from './proof.ts';
