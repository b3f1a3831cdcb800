import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';
import {
  type AttestationRequirement,
  claimNames,
  claimOids,
  type SignerClaims,
  type SignerIdentity,
} from '../../shared/domain/signatures/index.ts';
import { several } from '../command.ts';
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
  trustedRoot?: string;
}

/** Flags of a registration that may be changed later. */
export interface RegistrationFlags extends TrustFlags {
  platform?: string[];
  allowUnanchored?: true;
}

/** The options of `TrustFlags` but `--trusted-root`, which each command describes itself. */
export function withTrustOptions(command: Command): Command {
  return command
    .option('--key <file>', 'a public key (PEM) whose signatures count; several times', several)
    .option(
      '--identity <identity>',
      'whose keyless signatures count, exactly; several times, each with an issuer',
      several,
    )
    .option('--identity-regexp <regexp>', 'the same by a regexp', several)
    .option('--issuer <url>', 'who vouched for the identity, exactly; several times', several)
    .option('--issuer-regexp <regexp>', 'the same by a regexp', several)
    .option(
      '--claim <name=regexp>',
      "what those signers' certificates must say of the workflow; several times",
      several,
    )
    .option(
      '--require-attestation <type[=builder]>',
      'predicate type, and regexp for its builder; several times',
      several,
    );
}

/** The options that say whose signatures count and for which platforms it is built. */
export function withRegistrationOptions(command: Command): Command {
  return withTrustOptions(command)
    .option('--platform <platform>', 'such as ubuntu-24.04-amd64; several times', several)
    .option('--allow-unanchored', 'accept regexps without ^ and $');
}

/**
 * What these flags say; what was not given is undefined.
 * @throws GantryError `usage` for flags that say nothing without others, `io_error` for a file that cannot be read
 */
export async function trustOf(flags: TrustFlags) {
  return {
    identities: await identitiesOf(flags),
    keys: flags.key && (await Promise.all(flags.key.map((file) => readOptionFile(file, '--key')))),
    trusted_root: flags.trustedRoot && (await readOptionJson(flags.trustedRoot, '--trusted-root')),
    attestations: flags.requireAttestation?.map(attestationOf),
  };
}

/** What these flags say, as the API takes it; what was not given is undefined. @throws GantryError as `trustOf` */
export async function registrationOf(flags: RegistrationFlags) {
  const { identities, keys, trusted_root, attestations } = await trustOf(flags);
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

async function identitiesOf(flags: TrustFlags): Promise<SignerIdentity[] | undefined> {
  const identities = await regexpsOf(flags.identity, flags.identityRegexp, '--identity');
  const issuers = await regexpsOf(flags.issuer, flags.issuerRegexp, '--issuer');
  if (identities.length !== issuers.length) {
    throw new GantryError(
      'usage',
      `expected an issuer for each identity, found ${issuers.length} issuers and ${identities.length} identities`,
    );
  }
  const { claim = [] } = flags;
  const claims = claim.length === 0 ? {} : { claims: claimsOf(claim) };
  if (identities.length === 0) {
    if (claim.length === 0) return undefined;
    throw new GantryError(
      'usage',
      'expected --claim with an identity and its issuer: only certificates make claims; found it alone',
    );
  }
  return identities.map((identity_regexp, index) => ({
    identity_regexp,
    issuer_regexp: issuers[index] ?? '',
    ...claims,
  }));
}

/** Of one kind, so that the n-th issuer is the n-th identity's as they were written. */
async function regexpsOf(
  exact: string[] = [],
  regexps: string[] = [],
  option: string,
): Promise<string[]> {
  if (exact.length > 0 && regexps.length > 0) {
    throw new GantryError(
      'usage',
      `expected ${option} or ${option}-regexp, found both: write what is exact as a regexp`,
    );
  }
  if (exact.length === 0) return regexps;
  const { exactRegexp } = await import('../../shared/signature/index.ts');
  return exact.map(exactRegexp);
}

/** @throws GantryError `usage` for what is no `name=regexp`, or no name of a claim */
function claimsOf(claims: readonly string[]): SignerClaims {
  return Object.fromEntries(
    claims.map((text) => {
      const [name = '', ...regexp] = text.split('=');
      if (regexp.length === 0)
        throw new GantryError('usage', `expected --claim name=regexp, found "${text}"`);
      if (!Object.hasOwn(claimOids, name)) {
        throw new GantryError(
          'usage',
          `expected --claim with one of ${claimNames.join(', ')}, found "${name}"`,
        );
      }
      return [name, regexp.join('=')];
    }),
  );
}

function attestationOf(text: string): AttestationRequirement {
  const [predicate_type = '', ...builder] = text.split('=');
  return { predicate_type, ...(builder.length === 0 ? {} : { builder_regexp: builder.join('=') }) };
}
