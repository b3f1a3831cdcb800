export { readDocument } from './attestation.ts';
export { preAuthenticationEncoding, statementPayloadType } from './bundle.ts';
export { isEncryptedKey, readCosignKey } from './cosign-key.ts';
export { describeBundle } from './describe.ts';
export { checkPublicKey, findKeyKind, hashKey, hashOf, type TrustedKey } from './keys.ts';
export { type CompiledPolicy, compilePolicy } from './policy.ts';
export { checkRegexp, compileRegexp, exactRegexp } from './regexp.ts';
export { shippedTrust } from './shipped-trust.ts';
export { type KeyedBundle, signArtifact, signBytes, signPayload } from './sign.ts';
export {
  chooseServices,
  publicGoodServices,
  type SigningServices,
} from './signing-config.ts';
export {
  attestStatement,
  predicateTypes,
  readPredicateType,
  type StatementPayload,
  signStatement,
} from './statement.ts';
export { checkTrustedRoot, parseTrustedRoot } from './trust-root.ts';
export { verdictRules, verifyArtifact, verifyBundle, verifySignature } from './verify.ts';
