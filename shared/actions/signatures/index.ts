export { type Judgement, judge, judgeAnew } from './judge.ts';
export { publicTrustRoot, refreshTrustRoot, trustRootDaysLeft } from './sigstore-trust-root.ts';
export { storedSignatures } from './stored-signatures.ts';
