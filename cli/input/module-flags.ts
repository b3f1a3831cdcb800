import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';
import {
  type AttestationRequirement,
  claimNames,
  claimOids,
  isOfType,
  provenanceType,
  type SignerClaims,
  type SignerIdentity,
} from '../../shared/domain/signatures/index.ts';
import { collect } from '../command.ts';
import { readOptionFile, readOptionJson } from './option-files.ts';

/** Flags that say whose signatures count. */
export interface TrustFlags {
  key?: string[];
  identity?: string[];
  issuer?: string[];
  identityRegexp?: string[];
  issuerRegexp?: string[];
  claim?: string[];
  requireAttestation?: string[];
  requireSource?: string;
  trustedRoot?: string;
}

/** Flags of a registration that `module update` can change. */
export interface RegistrationFlags extends TrustFlags {
  platform?: string[];
  allowUnanchored?: true;
}

/** The help of --trusted-root where it is the only trust root. */
export const trustedRootHelp = 'Sigstore trusted_root.json (default: the public-good trust root)';

/**
 * Adds the options of `TrustFlags` except `--trusted-root`, which each command describes itself.
 */
export function addTrustOptions(command: Command): Command {
  return command
    .option('--key <file>', 'trusted public key, PEM (repeatable)', collect)
    .option(
      '--identity <identity>',
      'trusted identity of keyless signatures; needs an --issuer (repeatable)',
      collect,
    )
    .option('--identity-regexp <regexp>', 'same, as a regular expression (repeatable)', collect)
    .option('--issuer <url>', 'issuer of the identity (repeatable)', collect)
    .option('--issuer-regexp <regexp>', 'same, as a regular expression (repeatable)', collect)
    .option(
      '--claim <name=regexp>',
      'required workflow claim in the certificate (repeatable)',
      collect,
    )
    .option(
      '--require-attestation <type[=builder]>',
      'required attestation: predicate type, regexp of its builder (repeatable)',
      collect,
    )
    .option(
      '--require-source <regexp>',
      'repository that SLSA provenance must name as its source; requires provenance',
    );
}

/** Adds the options of `RegistrationFlags`. */
export function addRegistrationOptions(command: Command): Command {
  return addTrustOptions(command)
    .option('--platform <platform>', 'platform, such as ubuntu-24.04-amd64 (repeatable)', collect)
    .option('--allow-unanchored', 'accept regular expressions without ^ and $');
}

/**
 * Reads the trust flags and the files they name. A flag that was not given is undefined.
 * @throws GantryError `usage` for flags that need others, `io_error` for a file that cannot be read
 */
export async function readTrustFlags(
  flags: TrustFlags,
  kept: readonly AttestationRequirement[] = [],
) {
  return {
    identities: await readIdentities(flags),
    keys: flags.key && (await Promise.all(flags.key.map((file) => readOptionFile(file, '--key')))),
    trusted_root: flags.trustedRoot && (await readOptionJson(flags.trustedRoot, '--trusted-root')),
    attestations: readRequirements(flags, kept),
  };
}

/**
 * Reads the registration flags in the form of the API. @throws GantryError as `readTrustFlags`
 * @param kept the required attestations that `--require-source` alone adds a source to
 */
export async function readRegistration(
  flags: RegistrationFlags,
  kept: readonly AttestationRequirement[] = [],
) {
  const { identities, keys, trusted_root, attestations } = await readTrustFlags(flags, kept);
  return {
    cosign_identities: identities?.map(({ identity_regexp, issuer_regexp, claims }) => ({
      cosign_identity_regexp: identity_regexp,
      cosign_issuer_regexp: issuer_regexp,
      ...(claims === undefined ? {} : { cosign_claims: claims }),
    })),
    trusted_keys: keys,
    trusted_root,
    required_attestations: attestations,
    platforms: flags.platform,
    allow_unanchored: flags.allowUnanchored,
  };
}

async function readIdentities(flags: TrustFlags): Promise<SignerIdentity[] | undefined> {
  const identities = await readRegexps(flags.identity, flags.identityRegexp, '--identity');
  const issuers = await readRegexps(flags.issuer, flags.issuerRegexp, '--issuer');

  if (identities.length !== issuers.length) {
    throw new GantryError(
      'usage',
      `expected one issuer for each identity, found ${issuers.length} issuers and ${identities.length} identities`,
    );
  }

  const { claim = [] } = flags;
  const claims = claim.length === 0 ? {} : { claims: parseClaims(claim) };

  if (identities.length === 0) {
    if (claim.length === 0) return undefined;
    throw new GantryError(
      'usage',
      'expected --claim with an identity and its issuer, found it alone; only certificates have claims',
    );
  }

  return identities.map((identity_regexp, index) => ({
    identity_regexp,
    issuer_regexp: issuers[index] ?? '',
    ...claims,
  }));
}

/**
 * Reads one form only. Mixing both would lose the order that pairs the n-th issuer with the n-th
 * identity.
 */
async function readRegexps(
  exact: string[] = [],
  regexps: string[] = [],
  option: string,
): Promise<string[]> {
  if (exact.length > 0 && regexps.length > 0) {
    throw new GantryError(
      'usage',
      `expected ${option} or ${option}-regexp, found both; write the exact ones as regular expressions`,
    );
  }

  if (exact.length === 0) return regexps;
  const { exactRegexp } = await import('../../shared/signature/index.ts');
  return exact.map(exactRegexp);
}

/** @throws GantryError `usage` for text that is not `name=regexp`, or an unknown claim */
function parseClaims(claims: readonly string[]): SignerClaims {
  return Object.fromEntries(
    claims.map((text) => {
      const [name = '', ...regexp] = text.split('=');
      if (regexp.length === 0)
        throw new GantryError('usage', `expected --claim name=regexp, found "${text}"`);

      if (!Object.hasOwn(claimOids, name)) {
        throw new GantryError(
          'usage',
          `expected the claim of --claim to be one of ${claimNames.join(', ')}, found "${name}"`,
        );
      }

      return [name, regexp.join('=')];
    }),
  );
}

/** The source is that of the required provenance; alone, it requires provenance of any version. */
function readRequirements(
  { requireAttestation, requireSource }: TrustFlags,
  kept: readonly AttestationRequirement[],
): AttestationRequirement[] | undefined {
  const required = requireAttestation?.map(parseAttestation);
  if (requireSource === undefined) return required;

  const isProvenance = (one: AttestationRequirement) =>
    isOfType(one.predicate_type, provenanceType);
  const source = { source_regexp: requireSource };
  const others = required ?? kept;
  return others.some(isProvenance)
    ? others.map((one) => (isProvenance(one) ? { ...one, ...source } : one))
    : [...others, { predicate_type: provenanceType, ...source }];
}

function parseAttestation(text: string): AttestationRequirement {
  const [predicate_type = '', ...builder] = text.split('=');
  return { predicate_type, ...(builder.length === 0 ? {} : { builder_regexp: builder.join('=') }) };
}
