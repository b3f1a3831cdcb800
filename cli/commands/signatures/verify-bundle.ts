import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import type { BundleVerdict, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { readOptionFile, readOptionJson } from '../../input/option-files.ts';
import { colors } from '../../output/colors.ts';
import { type ExitCode, print, run } from '../../run.ts';

interface Flags {
  bundle: string;
  certificateIdentity?: string;
  certificateOidcIssuer?: string;
  key?: string;
  trustedRoot?: string;
  json?: true;
}

/** `gantry verify-bundle`: the verifying half of the Sigstore client conformance protocol (its docs/cli_protocol.md). */
export function register(command: Command): void {
  command
    .argument('<file-or-digest>', 'what was signed: a file, or sha256:<64 hex digits>')
    .requiredOption('--bundle <file>', 'the Sigstore bundle')
    .option('--certificate-identity <identity>', 'exactly the identity of a keyless signature')
    .option('--certificate-oidc-issuer <url>', 'exactly the issuer that vouched for the identity')
    .option('--key <file>', 'public key (PEM) that must have signed')
    .option(
      '--trusted-root <file>',
      'Sigstore trusted_root.json (default: the public-good instance)',
    )
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Needs no server and no network. A bundle signs the bytes themselves, or a statement that names their digest.

Examples:
  gantry verify-bundle --bundle app.sigstore.json --certificate-identity dev@example.com \\
    --certificate-oidc-issuer https://accounts.google.com app.tar
  gantry verify-bundle --bundle app.sigstore.json --key cosign.pub app.tar

Exit codes: 0 verified, 1 not verified, 2 wrong usage, or a file cannot be read.`,
    )
    .action(run(verify));
}

async function verify(target: string, flags: Flags): Promise<ExitCode> {
  const artifact = await readArtifact(target);
  const { exactRegexp, verifyBundle } = await import('../../../shared/signature/index.ts');
  const { certificateIdentity: identity, certificateOidcIssuer: issuer, key } = flags;
  if (
    (identity === undefined) !== (issuer === undefined) ||
    (key === undefined) === (identity === undefined)
  ) {
    throw new GantryError(
      'usage',
      'expected --key, or --certificate-identity with --certificate-oidc-issuer',
    );
  }
  const policy: SignaturePolicy = {
    identities:
      identity === undefined || issuer === undefined
        ? []
        : [{ identity_regexp: exactRegexp(identity), issuer_regexp: exactRegexp(issuer) }],
    keys: key === undefined ? [] : [await readOptionFile(key, '--key')],
    require_tlog: true,
    trusted_root:
      flags.trustedRoot === undefined
        ? null
        : await readOptionJson(flags.trustedRoot, '--trusted-root'),
  };
  const verdict = verifyBundle(await readOptionJson(flags.bundle, '--bundle'), artifact, policy);
  print(flags.json, verdict, () => described(target, verdict));
  return verdict.verified ? 0 : 1;
}

/** The protocol: what is no digest is a path, and so is what exists under that name. */
async function readArtifact(target: string): Promise<{ digest: string; bytes?: Uint8Array }> {
  try {
    const bytes = await readFile(target);
    return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
  } catch (cause) {
    if (/^sha256:[0-9a-f]{64}$/i.test(target)) return { digest: target.toLowerCase() };
    const expected = 'a file, or sha256: and 64 hex digits';
    throw new GantryError(
      'io_error',
      `expected ${expected}, found "${target}": ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function described(target: string, { verified, code, message }: BundleVerdict): string {
  return verified
    ? `${colors.green('✓')} ${target} is verified: ${message}`
    : `${colors.red('✗')} ${target} is not verified: ${code}: ${message}`;
}
