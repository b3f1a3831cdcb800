import type { Command } from 'commander';
import { describe, type Flags } from '../../command.ts';
import { addRegistryOptions, openTarget, type RegistryFlags } from '../../input/registry-target.ts';
import {
  addSigningOptions,
  openSigner,
  type SigningFlags,
  signingNotes,
} from '../../input/signing-flags.ts';
import { withSpinner } from '../../output/progress.ts';
import { formatAttached, formatSigner } from '../../output/signed.ts';
import { type ExitCode, print } from '../../run.ts';

interface AttestFlags extends Flags, RegistryFlags, SigningFlags {
  type: string;
  predicate: string;
}

/** `gantry module attest`: does what `cosign attest` does, with a key or keyless. */
export function registerModuleAttest(module: Command): void {
  const command = module
    .command('attest <ref>')
    .description('attach a signed statement to an artifact in a registry, such as its SBOM')
    .requiredOption(
      '--type <type>',
      'cyclonedx, spdxjson, slsaprovenance, slsaprovenance1, openvex, vuln, or a URI',
    )
    .requiredOption('--predicate <file>', 'JSON file to attest');
  addRegistryOptions(addSigningOptions(command));

  describe(command, {
    notes: `
Of a file that is a whole in-toto statement, its predicate is attested. "gantry module sign --attest dist" attests
all documents of a build. An attestation is no signature of the artifact.
${signingNotes}`,
    examples: [
      'gantry module attest ghcr.io/acme/redis:v1.0.0 --type cyclonedx --predicate dist/sbom.cdx.json',
      'gantry module attest ghcr.io/acme/redis:v1.0.0 --type openvex --predicate vex.json --key cosign.key',
    ],
    action: attest,
  });
}

async function attest(ref: string, flags: AttestFlags): Promise<ExitCode> {
  const { readPredicateType } = await import('../../../shared/signature/index.ts');
  const { readPredicate } = await import('../../sign/build-documents.ts');
  const predicateType = readPredicateType(flags.type);
  const predicate = await readPredicate(flags.predicate, predicateType);
  const signer = await openSigner(flags);

  const { readArtifact } = await import('../../sign/artifact.ts');
  const { attestDocument } = await import('../../sign/sign-artifact.ts');
  const target = await openTarget(ref, flags);
  await signer.prepare();

  const attached = await withSpinner(flags, `attesting ${ref}`, async () => {
    const [artifact] = await readArtifact(target, false);
    return attestDocument(target, signer, { predicateType, predicate, subjects: [artifact] });
  });

  for (const one of attached) {
    const { subject: digest, digest: attestation_digest, ...rest } = one;
    print(flags.json, { digest, attestation_digest, ...rest }, () =>
      [formatAttached(one), ...formatSigner(one)].join('\n'),
    );
  }
  return 0;
}
