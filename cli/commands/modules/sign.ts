import type { Command } from 'commander';
import { describe, type Flags } from '../../command.ts';
import {
  addRegistryOptions,
  collectAnnotation,
  openTarget,
  type RegistryFlags,
} from '../../input/registry-target.ts';
import {
  addSigningOptions,
  openSigner,
  type SigningFlags,
  signingNotes,
} from '../../input/signing-flags.ts';
import { withSpinner } from '../../output/progress.ts';
import { formatAttached, formatSigner } from '../../output/signed.ts';
import { type ExitCode, print } from '../../run.ts';

interface SignFlags extends Flags, RegistryFlags, SigningFlags {
  annotation?: Record<string, string>;
  attest?: string;
  recursive?: true;
}

/** `gantry module sign`: does what `cosign sign` does, with a key or keyless. */
export function registerModuleSign(module: Command): void {
  const command = module
    .command('sign <ref>')
    .description('sign an artifact in a registry, with a key or with your identity')
    .option('--attest <dir>', 'also attest the SBOM, provenance and VEX of the build in there')
    .option('--recursive', 'also sign what an index lists')
    .option('--annotation <name=value>', 'annotation to sign (repeatable)', collectAnnotation);
  addRegistryOptions(addSigningOptions(command));

  describe(command, {
    notes: signingNotes,
    examples: [
      'gantry module sign ghcr.io/acme/redis:v1.0.0 --attest dist',
      'gantry module sign ghcr.io/acme/redis:v1.0.0 --key cosign.key',
      'gantry module sign ghcr.io/acme/redis:v1.0.0 --signing-config signing_config.json',
    ],
    action: sign,
  });
}

async function sign(ref: string, flags: SignFlags): Promise<ExitCode> {
  if (flags.attest !== undefined) {
    const { requireBuildDocuments } = await import('../../sign/build-documents.ts');
    await requireBuildDocuments(flags.attest);
  }

  const signer = await openSigner(flags);
  const { signAndAttest } = await import('../../sign/sign-artifact.ts');
  const target = await openTarget(ref, flags);
  await signer.prepare();

  const { signature, listed, attestations } = await withSpinner(flags, `signing ${ref}`, () =>
    signAndAttest(target, signer, {
      annotations: flags.annotation ?? {},
      build: flags.attest ?? null,
      recursive: flags.recursive ?? false,
    }),
  );

  const { subject: digest, digest: signature_digest, predicate_type: _, ...signed } = signature;
  print(flags.json, { digest, signature_digest, ...signed, listed, attestations }, () =>
    [
      ...[...attestations, ...listed, signature].map(formatAttached),
      ...formatSigner(signature),
    ].join('\n'),
  );

  return 0;
}
