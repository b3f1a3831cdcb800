import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type AttestationRequirement, claimNames, claimOids, type SignerClaims } from '../shared/domain/signature.ts';
import { GantryError } from '../shared/error.ts';
import { several } from './command.ts';

/** Flags of a registration that may be changed later. */
export interface RegistrationFlags {
  key?: string[];
  identityRegexp?: string[];
  issuerRegexp?: string[];
  claim?: string[];
  requireAttestation?: string[];
  trustedRoot?: string;
  platform?: string[];
  allowUnanchored?: true;
}

export const claimOption = [
  '--claim <name=regexp>',
  "what those signers' certificates must say of the workflow; several times",
  several,
] as const;

export const attestationOption = [
  '--require-attestation <type[=builder]>',
  'predicate type, and regexp for its builder; several times',
  several,
] as const;

/** The options that say whose signatures count and for which platforms it is built. */
export function withRegistrationOptions(command: Command): Command {
  return command
    .option('--key <file>', 'a public key (PEM) whose signatures count; several times', several)
    .option('--identity-regexp <regexp>', 'whose keyless signatures count; several times, each with an issuer', several)
    .option('--issuer-regexp <regexp>', 'who vouched for the identity; several times', several)
    .option(...claimOption)
    .option(...attestationOption)
    .option('--platform <platform>', 'such as ubuntu-24.04-amd64; several times', several)
    .option('--allow-unanchored', 'accept regexps without ^ and $');
}

/** What these flags say, as the API takes it; what was not given is undefined. */
export async function registrationOf(flags: RegistrationFlags) {
  return {
    cosign_identities: identitiesOf(flags),
    trusted_keys: flags.key === undefined ? undefined : await Promise.all(flags.key.map(readText)),
    trusted_root: flags.trustedRoot === undefined ? undefined : await readJson(flags.trustedRoot),
    required_attestations: flags.requireAttestation?.map(attestationOf),
    platforms: flags.platform,
    allow_unanchored: flags.allowUnanchored,
  };
}

function identitiesOf({ identityRegexp = [], issuerRegexp = [], claim = [] }: RegistrationFlags) {
  if (identityRegexp.length !== issuerRegexp.length) {
    throw new GantryError(
      'usage',
      `expected as many --issuer-regexp as --identity-regexp, found ${issuerRegexp.length} and ${identityRegexp.length}`,
    );
  }
  if (identityRegexp.length === 0) return undefined;
  const claims = claim.length === 0 ? {} : { cosign_claims: claimsOf(claim) };
  return identityRegexp.map((regexp, index) => ({
    ...claims,
    cosign_identity_regexp: regexp,
    cosign_issuer_regexp: issuerRegexp[index],
  }));
}

/** @throws GantryError `usage` for what is no `name=regexp`, or no name of a claim */
export function claimsOf(claims: readonly string[]): SignerClaims {
  return Object.fromEntries(
    claims.map((text) => {
      const [name = '', ...regexp] = text.split('=');
      if (regexp.length === 0) throw new GantryError('usage', `expected --claim name=regexp, found "${text}"`);
      if (!Object.hasOwn(claimOids, name)) {
        throw new GantryError('usage', `expected --claim with one of ${claimNames.join(', ')}, found "${name}"`);
      }
      return [name, regexp.join('=')];
    }),
  );
}

export function attestationOf(text: string): AttestationRequirement {
  const [predicate_type = '', ...builder] = text.split('=');
  return { predicate_type, ...(builder.length === 0 ? {} : { builder_regexp: builder.join('=') }) };
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: Error) => {
    throw new GantryError('io_error', `expected a file at ${file}: ${cause.message}`, { cause });
  });
}

async function readJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GantryError('io_error', `expected JSON in ${file}: ${(cause as Error).message}`, { cause });
  }
}
