import type { CompiledIdentity, CompiledPolicy } from './policy.ts';
import { refuse } from './refusal.ts';
import type { Signer } from './signer.ts';

/**
 * Requires that the signer matches one identity of the policy: both of its regexps, and those of
 * its claims.
 * @returns the name that matches
 * @throws Refusal `identity_mismatch`, `issuer_mismatch`, `claim_mismatch`, `certificate_invalid`
 */
export function checkIdentity(signer: Signer, { identities }: CompiledPolicy): string {
  const { names, issuer } = signer;
  if (names.length === 0 || issuer === null) {
    refuse(
      'certificate_invalid',
      'expected a readable subject alternative name and an issuer in the certificate',
    );
  }

  const findName = (pair: CompiledIdentity) => names.find((name) => pair.identity.test(name));
  const sameIdentity = identities.filter((pair) => findName(pair) !== undefined);
  if (sameIdentity.length === 0) {
    const expected = identities.map(({ source }) => `/${source.identity_regexp}/`).join(' or ');
    const found = names.map((name) => `"${name}"`).join(', ');
    refuse('identity_mismatch', `signed by ${found}, expected to match ${expected}`);
  }

  const samePair = sameIdentity.filter((pair) => pair.issuer.test(issuer));
  if (samePair.length === 0) {
    const expected = sameIdentity.map(({ source }) => `/${source.issuer_regexp}/`).join(' or ');
    refuse('issuer_mismatch', `issued by "${issuer}", expected to match ${expected}`);
  }

  const mismatches = samePair.map((pair) => findMismatch(pair, signer));
  const matching = samePair[mismatches.indexOf(null)];
  if (matching === undefined) refuse('claim_mismatch', mismatches.join('; or '));
  return findName(matching) ?? '';
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
