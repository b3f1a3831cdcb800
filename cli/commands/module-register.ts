import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { varieties } from '../../shared/domain/module.ts';
import { GantryError } from '../../shared/error.ts';
import { connect } from '../api.ts';
import { describe, type Flags, oneOf, several } from '../command.ts';
import { type ExitCode, print } from '../run.ts';

interface RegisterFlags extends Flags {
  repository: string;
  category: string;
  variety?: string;
  parent?: string;
  public?: true;
  key?: string[];
  identityRegexp?: string[];
  issuerRegexp?: string[];
  claim?: string[];
  requireAttestation?: string[];
  trustedRoot?: string;
  requireTlog: boolean;
  platform?: string[];
  allowDevices?: true;
  allowUnanchored?: true;
}

/** `gantry module register`: the row that rules over a module's manifests. */
export function registerModuleRegister(module: Command): void {
  const command = module
    .command('register <name>')
    .description('register a module: where it is published, and whose signatures count')
    .requiredOption('--repository <reference>', 'OCI reference without tag: host[:port]/path')
    .requiredOption('--category <slug>', 'a category of the account')
    .addOption(oneOf('--variety <variety>', varieties, 'subscription where left out'))
    .option('--parent <module>', 'the module whose configuration it overrides')
    .option('--public', 'other accounts may depend on it')
    .option('--key <file>', 'a public key (PEM) whose signatures count; several times', several)
    .option('--identity-regexp <regexp>', 'whose keyless signatures count; several times, each with an issuer', several)
    .option('--issuer-regexp <regexp>', 'who vouched for the identity; several times', several)
    .option(
      '--claim <name=regexp>',
      "what those signers' certificates must say of the workflow; several times",
      several,
    )
    .option(
      '--require-attestation <type[=builder]>',
      'predicate type, and regexp for its builder; several times',
      several,
    )
    .option('--trusted-root <file>', 'trusted_root.json of another Sigstore than the public-good one')
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--platform <platform>', 'such as ubuntu-24.04-amd64; several times', several)
    .option('--allow-devices', 'let its layers hold device nodes')
    .option('--allow-unanchored', 'accept regexps without ^ and $');
  describe(command, {
    example: 'gantry module register my-redis --repository ghcr.io/acme/my-redis --category userland --key cosign.pub',
    action: register,
  });
}

async function register(name: string, flags: RegisterFlags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const keys = await Promise.all((flags.key ?? []).map(readText));
  const answer = await client.send(answers.registered, 'POST', '/modules', {
    name,
    repository: flags.repository,
    category: flags.category,
    variety: flags.variety,
    parent_module: flags.parent,
    visibility: flags.public ? 'public' : undefined,
    cosign_identities: identitiesOf(flags),
    trusted_keys: keys.length === 0 ? undefined : keys,
    trusted_root: flags.trustedRoot === undefined ? undefined : await readJson(flags.trustedRoot),
    require_tlog: flags.requireTlog,
    required_attestations: flags.requireAttestation?.map(attestationOf),
    platforms: flags.platform,
    allow_devices: flags.allowDevices,
    allow_unanchored: flags.allowUnanchored,
  });
  const { id, repository } = answer.module;
  print(flags.json, answer, () => `registered ${name} as ${id}; ${repository} is polled from now on`);
  return 0;
}

function identitiesOf({ identityRegexp = [], issuerRegexp = [], claim = [] }: RegisterFlags) {
  if (identityRegexp.length !== issuerRegexp.length) {
    throw new GantryError(
      'usage',
      `expected as many --issuer-regexp as --identity-regexp, found ${issuerRegexp.length} and ${identityRegexp.length}`,
    );
  }
  if (identityRegexp.length === 0) return undefined;
  const claims = claim.length === 0 ? {} : { cosign_claims: Object.fromEntries(claim.map(claimOf)) };
  return identityRegexp.map((regexp, index) => ({
    ...claims,
    cosign_identity_regexp: regexp,
    cosign_issuer_regexp: issuerRegexp[index],
  }));
}

function claimOf(text: string): [string, string] {
  const [name, ...regexp] = text.split('=');
  if (!name || regexp.length === 0) throw new GantryError('usage', `expected --claim name=regexp, found "${text}"`);
  return [name, regexp.join('=')];
}

function attestationOf(text: string) {
  const [predicate_type, ...builder] = text.split('=');
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
