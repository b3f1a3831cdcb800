export { isEncryptedKey, readCosignKey } from './cosign-key.ts';
export { checkPublicKey, type TrustedKey } from './keys.ts';
export { type CompiledPolicy, compilePolicy } from './policy.ts';
export { checkRegexp, exactRegexp } from './regexp.ts';
export { shippedTrust } from './shipped-trust.ts';
export { type KeyedBundle, signArtifact } from './sign.ts';
export { checkTrustedRoot, parseTrustedRoot } from './trust-root.ts';
export { verdictRules, verifyArtifact, verifyBundle, verifySignature } from './verify.ts';
