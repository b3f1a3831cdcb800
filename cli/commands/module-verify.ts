import type { Command } from 'commander';
import type { ArtifactVerdict, SignaturePolicy } from '../../shared/domain/signature.ts';
import { GantryError } from '../../shared/error.ts';
import { colors } from '../colors.ts';
import { attestationOf, attestationOption, claimOption, claimsOf } from '../module-flags.ts';
import { collectAnnotation, openTarget, readOptionFile } from '../registry-target.ts';
import { type ExitCode, print, run } from '../run.ts';
import { signatureRows } from '../signature-rows.ts';

interface VerifyFlags {
  key?: string;
  identityRegexp?: string;
  issuerRegexp?: string;
  claim?: string[];
  requireAttestation?: string[];
  trustedRoot?: string;
  requireTlog: boolean;
  annotation?: Record<string, string>;
  plainHttp?: true;
  json?: true;
}

/** `gantry module verify`: judges an artifact's signatures; needs no server. */
export function registerModuleVerify(module: Command): void {
  module
    .command('verify <ref>')
    .description('verify the signatures of an artifact in a registry, as the platform does')
    .option('--key <file>', 'public key (PEM) that must have signed')
    .option('--identity-regexp <regexp>', 'RE2 regexp for the identity of a keyless signature')
    .option('--issuer-regexp <regexp>', 'RE2 regexp for the OIDC issuer of a keyless signature')
    .option(...claimOption)
    .option(...attestationOption)
    .option('--trusted-root <file>', 'Sigstore trusted_root.json (default: the public-good instance)')
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--annotation <name=value>', 'value that the signature must carry (repeatable)', collectAnnotation)
    .option('--plain-http', 'speak http to the registry (loopback hosts are anyway)')
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Credentials are those of "docker login". Regexps are searched for: anchor them with ^ and $.

Examples:
  gantry module verify ghcr.io/acme/redis:v1.0.0 --key cosign.pub --no-require-tlog
  gantry module verify ghcr.io/acme/redis:v1.0.0 \\
    --identity-regexp '^https://github\\.com/acme/redis/' --issuer-regexp '^https://token\\.actions\\.githubusercontent\\.com$'

Exit codes: 0 verified, 1 not verified, 2 wrong usage, or the registry or a file cannot be read.`,
    )
    .action(run(verify));
}

async function verify(ref: string, flags: VerifyFlags): Promise<ExitCode> {
  const policy = await policyFrom(flags);
  const { client, reference, name } = await openTarget(ref, flags);
  const { collectSignatures } = await import('../../shared/registry/index.ts');
  const { verifyArtifact } = await import('../../shared/signature/index.ts');

  const { digest } = await client.getManifest(reference.repository, name);
  const candidates = await collectSignatures(client, reference.repository, digest);
  const verdict = verifyArtifact(digest, candidates, policy);
  print(flags.json, verdict, () => describe(ref, verdict));
  return verdict.verified ? 0 : 1;
}

/** The policy that the options state; wrong ones are found before the registry is asked. */
async function policyFrom(flags: VerifyFlags): Promise<SignaturePolicy> {
  const { key, identityRegexp, issuerRegexp, claim = [], requireAttestation = [] } = flags;
  if (claim.length > 0 && identityRegexp === undefined) {
    throw new GantryError(
      'usage',
      'expected --claim with --identity-regexp: only certificates make claims, found it alone',
    );
  }
  if ((identityRegexp === undefined) !== (issuerRegexp === undefined)) {
    throw new GantryError('usage', 'expected --identity-regexp and --issuer-regexp together, found one of them');
  }
  if ((key === undefined) === (identityRegexp === undefined)) {
    const found = key === undefined ? 'neither' : 'both';
    throw new GantryError('usage', `expected --key, or --identity-regexp with --issuer-regexp, found ${found}`);
  }
  const policy: SignaturePolicy = {
    identities:
      identityRegexp !== undefined && issuerRegexp !== undefined
        ? [{ identity_regexp: identityRegexp, issuer_regexp: issuerRegexp, claims: claimsOf(claim) }]
        : [],
    keys: key === undefined ? [] : [await readOptionFile(key, '--key')],
    require_tlog: flags.requireTlog,
    trusted_root: flags.trustedRoot === undefined ? null : await readTrustedRoot(flags.trustedRoot, flags),
    attestations: requireAttestation.map(attestationOf),
    ...(flags.annotation ? { annotations: flags.annotation } : {}),
  };
  const { compilePolicy } = await import('../../shared/signature/index.ts');
  compilePolicy(policy);
  return policy;
}

async function readTrustedRoot(path: string, { identityRegexp, requireTlog }: VerifyFlags): Promise<unknown> {
  const text = await readOptionFile(path, '--trusted-root');
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw new GantryError('trusted_root_invalid', `expected JSON in ${path}, found something else`, { cause });
  }
  const { checkTrustedRoot } = await import('../../shared/signature/index.ts');
  checkTrustedRoot(root, { keyless: identityRegexp !== undefined, require_tlog: requireTlog });
  return root;
}

function describe(ref: string, verdict: ArtifactVerdict): string {
  const head = verdict.verified
    ? `${colors.green('✓')} ${ref} is verified`
    : `${colors.red('✗')} ${ref} is not verified: ${verdict.code}: ${verdict.message}`;
  return [head, `  digest ${verdict.digest}`, ...signatureRows(verdict.signatures)].join('\n');
}
