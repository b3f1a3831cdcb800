import type { CompiledIdentity, CompiledPolicy } from './policy.ts';
import { refuse } from './refusal.ts';
import type { Signer } from './signer.ts';

/**
 * Requires that the signer matches one identity of the policy: both of its regexps, and those of
 * its claims.
 * @throws Refusal `identity_mismatch`, `issuer_mismatch`, `claim_mismatch`, `certificate_invalid`
 */
export function checkIdentity(signer: Signer, { identities }: CompiledPolicy): void {
  const { identity, issuer } = signer;
  if (identity === null || issuer === null) {
    refuse(
      'certificate_invalid',
      'expected one subject alternative name and an issuer in the certificate',
    );
  }

  const sameIdentity = identities.filter((pair) => pair.identity.test(identity));
  if (sameIdentity.length === 0) {
    const expected = identities.map(({ source }) => `/${source.identity_regexp}/`).join(' or ');
    refuse('identity_mismatch', `signed by "${identity}", expected to match ${expected}`);
  }

  const samePair = sameIdentity.filter((pair) => pair.issuer.test(issuer));
  if (samePair.length === 0) {
    const expected = sameIdentity.map(({ source }) => `/${source.issuer_regexp}/`).join(' or ');
    refuse('issuer_mismatch', `issued by "${issuer}", expected to match ${expected}`);
  }

  const mismatches = samePair.map((pair) => findMismatch(pair, signer));
  if (mismatches.every((text) => text !== null)) refuse('claim_mismatch', mismatches.join('; or '));
}

/**
 * Describes the first claim that the certificate lacks or states differently. Returns null when all
 * claims match.
 */
function findMismatch({ claims }: CompiledIdentity, signer: Signer): string | null {
  for (const { name, source, regexp } of claims) {
    const found = signer.claims[name];
    if (found !== undefined && regexp.test(found)) continue;
    return `${name} is ${found === undefined ? 'not stated' : `"${found}"`}, expected to match /${source}/`;
  }
  return null;
}
