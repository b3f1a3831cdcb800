import type { Command } from 'commander';
import { isGantryError } from '../../../shared/base/error.ts';
import type { ArtifactVerdict } from '../../../shared/domain/signatures/index.ts';
import type { ManifestContent, RegistryClient } from '../../../shared/registry/index.ts';
import { describe, type Flags } from '../../command.ts';
import {
  addRegistryOptions,
  collectAnnotation,
  openTarget,
  type RegistryFlags,
} from '../../input/registry-target.ts';
import { addPolicyOptions, type PolicyFlags, readPolicy } from '../../input/signature-policy.ts';
import { colors } from '../../output/colors.ts';
import { withSpinner } from '../../output/progress.ts';
import { formatSignatures } from '../../output/signature-rows.ts';
import { type ExitCode, print } from '../../run.ts';

interface VerifyFlags extends Flags, RegistryFlags, PolicyFlags {
  annotation?: Record<string, string>;
}

/** `gantry module verify`: verifies the signatures of an artifact without a control plane. */
export function registerModuleVerify(module: Command): void {
  const command = module
    .command('verify <ref>')
    .description('verify the signatures of an artifact in a registry, as Gantry does');
  addRegistryOptions(addPolicyOptions(command)).option(
    '--annotation <name=value>',
    'required annotation (repeatable)',
    collectAnnotation,
  );

  describe(command, {
    notes: `
The trust options are those of "gantry module register". One valid signature is enough.
Regular expressions use RE2 syntax and match anywhere in the text: anchor them with ^ and $.
Gantry uses the credentials of "docker login".`,
    examples: [
      'gantry module verify ghcr.io/acme/redis:v1.0.0 --key cosign.pub --no-require-tlog',
      `gantry module verify ghcr.io/acme/redis:v1.0.0 \\
    --identity-regexp '^https://github\\.com/acme/redis/.*$' --issuer-regexp '^https://token\\.actions\\.githubusercontent\\.com$'`,
    ],
    no: 'not verified',
    action: verify,
  });
}

async function verify(ref: string, flags: VerifyFlags): Promise<ExitCode> {
  const policy = await readPolicy(flags, flags.annotation);
  const { client, reference, name } = await openTarget(ref, flags);
  const { collectSignatures, listBuilds } = await import('../../../shared/registry/index.ts');
  const { verifyArtifact } = await import('../../../shared/signature/index.ts');

  const verdict = await withSpinner(flags, `verifying ${ref}`, async () => {
    const content = await readArtifact(client, reference.repository, name);
    if ('verified' in content) return content;

    const [{ digest }, builds] = [content, listBuilds(content)];
    const found = await collectSignatures(client, reference.repository, digest, builds);
    return verifyArtifact(digest, found, policy, builds);
  });

  print(flags.json, verdict, () => formatVerdict(ref, verdict));
  return verdict.verified ? 0 : 1;
}

/** Returns what to verify, or the verdict on a manifest whose bytes have another digest. */
async function readArtifact(
  client: RegistryClient,
  repository: string,
  name: string,
): Promise<ManifestContent | ArtifactVerdict> {
  try {
    return await client.getManifest(repository, name);
  } catch (error) {
    if (!isGantryError(error, 'manifest_digest_mismatch')) throw error;
    const { code, message } = error;
    return { verified: false, digest: name, code, message, signatures: [] };
  }
}

function formatVerdict(ref: string, verdict: ArtifactVerdict): string {
  const head = verdict.verified
    ? `${colors.green('✓')} ${ref} is verified`
    : `${colors.red('✗')} ${ref} is not verified: ${verdict.code}: ${verdict.message}`;
  return [head, `  digest ${verdict.digest}`, ...formatSignatures(verdict.signatures)].join('\n');
}
