import { GantryError } from '../../base/error.ts';
import type { RegisterModuleBody, UpdateModuleBody } from '../../contract/modules/index.ts';
import type { TrustPolicy } from '../../domain/modules/index.ts';
import type { SignerIdentity } from '../../domain/signatures/index.ts';
import { parseReference } from '../../registry/index.ts';
import { checkPublicKey, checkRegexp, checkTrustedRoot } from '../../signature/index.ts';
import { categoryUnknownError, getCategory, listCategories } from '../../store/accounts/index.ts';
import type { Services } from '../context/index.ts';

type Identities = Pick<
  RegisterModuleBody | UpdateModuleBody,
  'cosign_identities' | 'cosign_identity_regexp' | 'cosign_issuer_regexp'
>;

/**
 * Returns the pairs of regexps of a request: first the pair that it may give outside the list, then
 * those of the list.
 */
export function identitiesOf(input: Identities): SignerIdentity[] {
  const pairs: NonNullable<Identities['cosign_identities']> = [...(input.cosign_identities ?? [])];
  const { cosign_identity_regexp, cosign_issuer_regexp } = input;

  if ((cosign_identity_regexp === undefined) !== (cosign_issuer_regexp === undefined)) {
    const missing =
      cosign_identity_regexp === undefined ? 'cosign_identity_regexp' : 'cosign_issuer_regexp';
    throw new GantryError(
      'policy_missing',
      `expected both regexps of the pair, found no ${missing}`,
      {
        field: missing,
      },
    );
  }

  if (cosign_identity_regexp !== undefined && cosign_issuer_regexp !== undefined) {
    pairs.unshift({ cosign_identity_regexp, cosign_issuer_regexp });
  }

  return pairs.map((pair) => ({
    identity_regexp: pair.cosign_identity_regexp,
    issuer_regexp: pair.cosign_issuer_regexp,
    ...(pair.cosign_claims === undefined ? {} : { claims: pair.cosign_claims }),
  }));
}

/**
 * Checks a registration's trust policy: it names a key or an identity, each is usable, and the
 * trust root has the authorities that the policy needs.
 * @throws GantryError `policy_missing`, `regexp_invalid`, `regexp_unanchored`, `key_invalid`,
 * `trusted_root_invalid`
 */
export function checkTrust(
  policy: Omit<TrustPolicy, 'repository' | 'allow_devices'>,
  allowUnanchored: boolean,
): void {
  const { identities, trusted_keys, trusted_root, require_tlog, required_attestations } = policy;
  for (const [index, identity] of identities.entries()) {
    const field = `cosign_identities[${index}]`;
    checkRegexp(identity.identity_regexp, {
      allowUnanchored,
      field: `${field}.cosign_identity_regexp`,
    });
    checkRegexp(identity.issuer_regexp, {
      allowUnanchored,
      field: `${field}.cosign_issuer_regexp`,
    });

    for (const [name, regexp] of Object.entries(identity.claims ?? {})) {
      checkRegexp(regexp, { allowUnanchored, field: `${field}.cosign_claims.${name}` });
    }
  }

  for (const [index, required] of required_attestations.entries()) {
    for (const name of ['builder_regexp', 'source_regexp'] as const) {
      const field = `required_attestations[${index}].${name}`;
      if (required[name] !== undefined) checkRegexp(required[name], { allowUnanchored, field });
    }
  }

  for (const [index, key] of trusted_keys.entries()) checkPublicKey(key, `trusted_keys[${index}]`);
  if (identities.length === 0 && trusted_keys.length === 0) {
    throw new GantryError(
      'policy_missing',
      'expected trusted_keys or a pair of cosign_identity_regexp and cosign_issuer_regexp, found neither',
      { field: 'trusted_keys' },
    );
  }

  if (trusted_root !== null)
    checkTrustedRoot(trusted_root, { keyless: identities.length > 0, require_tlog });
}

/**
 * `<host>/<path>` of a repository. @throws GantryError `reference_invalid`, also for one with tag
 * or digest
 */
export function repositoryOf(text: string): string {
  const { host, repository, tag, digest } = parseReference(text);
  if (tag === undefined && digest === undefined) return `${host}/${repository}`;

  throw new GantryError('reference_invalid', 'expected a repository without tag or digest', {
    field: 'repository',
    expected: `${host}/${repository}`,
    found: text,
  });
}

/** @throws GantryError `category_unknown` */
export async function checkCategory(
  services: Services,
  account: string,
  category: string,
): Promise<void> {
  if ((await getCategory(services.db, account, category)) !== null) return;
  const known = (await listCategories(services.db, account)).map(({ slug }) => slug);
  throw categoryUnknownError(category, known);
}
