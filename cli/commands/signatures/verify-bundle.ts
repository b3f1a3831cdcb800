import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import type { BundleVerdict, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { describe, type Flags } from '../../command.ts';
import { trustedRootHelp } from '../../input/module-flags.ts';
import { readOptionFile, readOptionJson } from '../../input/option-files.ts';
import { colors } from '../../output/colors.ts';
import { type ExitCode, print } from '../../run.ts';

interface BundleFlags extends Flags {
  bundle: string;
  certificateIdentity?: string;
  certificateOidcIssuer?: string;
  key?: string;
  trustedRoot?: string;
}

/**
 * `gantry verify-bundle`: the verifying half of the Sigstore client conformance protocol (its
 * docs/cli_protocol.md).
 */
export function register(command: Command): void {
  command
    .argument('<file-or-digest>', 'signed file, or sha256:<64 hex digits>')
    .requiredOption('--bundle <file>', 'Sigstore bundle')
    .option('--certificate-identity <identity>', 'exact identity in the certificate')
    .option('--certificate-oidc-issuer <url>', 'exact issuer of the identity')
    .option('--key <file>', 'public key (PEM) of the signer')
    .option('--trusted-root <file>', trustedRootHelp);
  describe(command, {
    notes: `
The command works offline. A bundle signs the bytes themselves, or a statement that names their digest.`,
    examples: [
      `gantry verify-bundle --bundle app.sigstore.json --certificate-identity dev@example.com \\
    --certificate-oidc-issuer https://accounts.google.com app.tar`,
      'gantry verify-bundle --bundle app.sigstore.json --key cosign.pub app.tar',
    ],
    no: 'not verified',
    action: verify,
  });
}

async function verify(target: string, flags: BundleFlags): Promise<ExitCode> {
  const artifact = await readArtifact(target);
  const { exactRegexp, verifyBundle } = await import('../../../shared/signature/index.ts');
  const { certificateIdentity: identity, certificateOidcIssuer: issuer, key } = flags;

  if (
    (identity === undefined) !== (issuer === undefined) ||
    (key === undefined) === (identity === undefined)
  ) {
    throw new GantryError(
      'usage',
      'expected either --key, or --certificate-identity with --certificate-oidc-issuer',
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
  print(flags.json, verdict, () => formatVerdict(target, verdict));
  return verdict.verified ? 0 : 1;
}

/**
 * Reads the file, or takes the text as a digest if no such file exists, as the protocol demands.
 */
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

function formatVerdict(target: string, { verified, code, message }: BundleVerdict): string {
  return verified
    ? `${colors.green('✓')} ${target} is verified: ${message}`
    : `${colors.red('✗')} ${target} is not verified: ${code}: ${message}`;
}
