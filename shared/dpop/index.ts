export { type CallPlace, checkCall } from './call-chain.ts';
export { checkProof, type ExpectedRequest, makeProof, type ProofClaims } from './proof.ts';
