import type { TrustMaterial } from '@sigstore/verify';
import type { RE2JS } from 're2js';
import type { SignaturePolicy, SignerIdentity } from '../domain/signature.ts';
import { checkPublicKey, type TrustedKey } from './keys.ts';
import { compileRegexp } from './regexp.ts';
import { parseTrustedRoot } from './trust-root.ts';

export interface CompiledIdentity {
  source: SignerIdentity;
  identity: RE2JS;
  issuer: RE2JS;
}

/** A policy ready for use: regexps compiled, keys and certificates parsed. */
export interface CompiledPolicy {
  identities: CompiledIdentity[];
  keys: TrustedKey[];
  requireTlog: boolean;
  annotations: Record<string, string>;
  /** Null where the policy rests on nothing but keys. */
  trust: TrustMaterial | null;
}

const compiled = new WeakMap<SignaturePolicy, CompiledPolicy>();

/**
 * Compiles a policy, once for each policy object.
 * @throws GantryError `regexp_invalid`, `key_invalid`, `trusted_root_invalid`
 */
export function compilePolicy(policy: SignaturePolicy): CompiledPolicy {
  const known = compiled.get(policy);
  if (known) return known;
  const needsTrustRoot = policy.identities.length > 0 || policy.require_tlog;
  const result: CompiledPolicy = {
    identities: policy.identities.map((source) => ({
      source,
      identity: compileRegexp(source.identity_regexp, 'cosign_identity_regexp'),
      issuer: compileRegexp(source.issuer_regexp, 'cosign_issuer_regexp'),
    })),
    keys: policy.keys.map((pem) => checkPublicKey(pem, 'trusted_keys')),
    requireTlog: policy.require_tlog,
    annotations: policy.annotations ?? {},
    trust: needsTrustRoot ? parseTrustedRoot(policy.trusted_root) : null,
  };
  compiled.set(policy, result);
  return result;
}
