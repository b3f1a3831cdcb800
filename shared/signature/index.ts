export { isEncryptedKey, readCosignKey } from './cosign-key.ts';
export { checkPublicKey, keyHint, type TrustedKey } from './keys.ts';
export { type CompiledPolicy, compilePolicy } from './policy.ts';
export { checkRegexp, compileRegexp, isAnchored } from './regexp.ts';
export { type KeyedBundle, signArtifact } from './sign.ts';
export { checkTrustedRoot, parseTrustedRoot, publicGoodTrustedRoot } from './trust-root.ts';
export { verifyArtifact, verifyCandidate } from './verify.ts';
