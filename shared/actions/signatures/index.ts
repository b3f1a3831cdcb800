export { publicTrustRoot, refreshTrustRoot, trustRootDaysLeft } from './sigstore-trust-root.ts';
export { readStoredSignatures, storeSignatures } from './stored-signatures.ts';
export {
  type DatedVerification,
  verifiedArtifact,
  verifySignatures,
  verifySignaturesUncached,
} from './verify-signatures.ts';
