import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import type { ArtifactVerdict, SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { type TrustFlags, trustOf, withTrustOptions } from '../../input/module-flags.ts';
import { collectAnnotation, openTarget } from '../../input/registry-target.ts';
import { colors } from '../../output/colors.ts';
import { signatureRows } from '../../output/signature-rows.ts';
import { type ExitCode, print, run } from '../../run.ts';

interface VerifyFlags extends TrustFlags {
  requireTlog: boolean;
  annotation?: Record<string, string>;
  plainHttp?: true;
  json?: true;
}

/** `gantry module verify`: judges an artifact's signatures; needs no server. */
export function registerModuleVerify(module: Command): void {
  withTrustOptions(
    module
      .command('verify <ref>')
      .description('verify the signatures of an artifact in a registry, as the platform does'),
  )
    .option(
      '--trusted-root <file>',
      'Sigstore trusted_root.json (default: the public-good instance)',
    )
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option(
      '--annotation <name=value>',
      'value that the signature must carry (repeatable)',
      collectAnnotation,
    )
    .option('--plain-http', 'speak http to the registry (loopback hosts are anyway)')
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Takes what "gantry module register" takes: one good signature suffices. Credentials are those of "docker login".
Regexps have RE2 meaning and are searched for: anchor them with ^ and $.

Examples:
  gantry module verify ghcr.io/acme/redis:v1.0.0 --key cosign.pub --no-require-tlog
  gantry module verify ghcr.io/acme/redis:v1.0.0 \\
    --identity-regexp '^https://github\\.com/acme/redis/.*$' --issuer-regexp '^https://token\\.actions\\.githubusercontent\\.com$'

Exit codes: 0 verified, 1 not verified, 2 wrong usage, or the registry or a file cannot be read.`,
    )
    .action(run(verify));
}

async function verify(ref: string, flags: VerifyFlags): Promise<ExitCode> {
  const policy = await policyFrom(flags);
  const { client, reference, name } = await openTarget(ref, flags);
  const { collectSignatures } = await import('../../../shared/registry/index.ts');
  const { verifyArtifact } = await import('../../../shared/signature/index.ts');

  const { digest } = await client.getManifest(reference.repository, name);
  const candidates = await collectSignatures(client, reference.repository, digest);
  const verdict = verifyArtifact(digest, candidates, policy);
  print(flags.json, verdict, () => describe(ref, verdict));
  return verdict.verified ? 0 : 1;
}

/** The policy that the options state, as a registration with them has it; wrong ones are found before the registry is asked. */
async function policyFrom(flags: VerifyFlags): Promise<SignaturePolicy> {
  const {
    identities = [],
    keys = [],
    trusted_root = null,
    attestations = [],
  } = await trustOf(flags);
  if (identities.length + keys.length === 0) {
    throw new GantryError(
      'usage',
      'expected --key, or --identity with --issuer (exactly, or each by a regexp), found neither',
    );
  }
  const { requireTlog: require_tlog, annotation } = flags;
  const { checkTrustedRoot, compilePolicy } = await import('../../../shared/signature/index.ts');
  if (trusted_root !== null)
    checkTrustedRoot(trusted_root, { keyless: identities.length > 0, require_tlog });
  const policy = { identities, keys, require_tlog, trusted_root, attestations };
  const asked = annotation === undefined ? policy : { ...policy, annotations: annotation };
  compilePolicy(asked);
  return asked;
}

function describe(ref: string, verdict: ArtifactVerdict): string {
  const head = verdict.verified
    ? `${colors.green('✓')} ${ref} is verified`
    : `${colors.red('✗')} ${ref} is not verified: ${verdict.code}: ${verdict.message}`;
  return [head, `  digest ${verdict.digest}`, ...signatureRows(verdict.signatures)].join('\n');
}
