import type { TrustMaterial } from '@sigstore/verify';
import type { RE2JS } from 're2js';
import { cacheByContent } from '../base/cache.ts';
import { limits } from '../base/limits/index.ts';
import type {
  AttestationRequirement,
  ClaimName,
  SignaturePolicy,
  SignerIdentity,
} from '../domain/signatures/index.ts';
import { readPublicKey, type TrustedKey } from './keys.ts';
import { compileRegexp } from './regexp.ts';
import { parseTrustedRoot } from './trust-root.ts';

export interface CompiledIdentity {
  source: SignerIdentity;
  identity: RE2JS;
  issuer: RE2JS;
  claims: { name: ClaimName; source: string; regexp: RE2JS }[];
}

export interface CompiledAttestation {
  source: AttestationRequirement;
  builder: RE2JS | null;
  repository: RE2JS | null;
}

/** A policy ready for use: regexps compiled, keys and certificates parsed. */
export interface CompiledPolicy {
  identities: CompiledIdentity[];
  keys: TrustedKey[];
  requireTlog: boolean;
  annotations: Record<string, string>;
  attestations: CompiledAttestation[];
  /** Null when the policy needs only keys. */
  trust: TrustMaterial | null;
}

/**
 * Compiles a policy. Equal policies are compiled once.
 * @throws GantryError `regexp_invalid`, `key_invalid`, `trusted_root_invalid`
 */
export const compilePolicy = cacheByContent(compile, limits.compiledPoliciesMax);

const parseTrust = cacheByContent(
  ({ root }: { root: unknown }) => parseTrustedRoot(root),
  limits.parsedTrustRootsMax,
);

function compile(policy: SignaturePolicy): CompiledPolicy {
  const needsTrustRoot = policy.identities.length > 0 || policy.require_tlog;
  return {
    identities: policy.identities.map((source) => ({
      source,
      identity: compileRegexp(source.identity_regexp, 'cosign_identity_regexp'),
      issuer: compileRegexp(source.issuer_regexp, 'cosign_issuer_regexp'),
      claims: Object.entries(source.claims ?? {}).map(([name, regexp]) => ({
        name: name as ClaimName,
        source: regexp,
        regexp: compileRegexp(regexp, `claims.${name}`),
      })),
    })),
    keys: policy.keys.map((pem) => readPublicKey(pem, 'trusted_keys')),
    requireTlog: policy.require_tlog,
    annotations: policy.annotations ?? {},
    attestations: (policy.attestations ?? []).map((source) => ({
      source,
      builder: compileOptional(source.builder_regexp, 'builder_regexp'),
      repository: compileOptional(source.source_regexp, 'source_regexp'),
    })),
    trust: needsTrustRoot ? parseTrust({ root: policy.trusted_root }) : null,
  };
}

function compileOptional(regexp: string | undefined, field: string): RE2JS | null {
  return regexp === undefined ? null : compileRegexp(regexp, field);
}
