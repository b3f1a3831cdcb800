import type { Command } from 'commander';
import { describe, type Flags } from '../../command.ts';
import { readPrivateKey } from '../../input/private-key.ts';
import { collectAnnotation, openTarget, plainHttpHelp } from '../../input/registry-target.ts';
import { type ExitCode, print } from '../../run.ts';

interface SignFlags extends Flags {
  key: string;
  annotation?: Record<string, string>;
  plainHttp?: true;
}

/** `gantry module sign`: does what `cosign sign --key` does, without a transparency log. */
export function registerModuleSign(module: Command): void {
  const command = module
    .command('sign <ref>')
    .description('sign an artifact in a registry with a private key')
    .requiredOption('--key <file>', 'private key, from "cosign generate-key-pair" or plain PEM')
    .option('--annotation <name=value>', 'annotation to sign (repeatable)', collectAnnotation)
    .option('--plain-http', plainHttpHelp);
  describe(command, {
    notes: `
COSIGN_PASSWORD gives the password of the key; without it, the command asks. The signature is a Sigstore bundle without
a transparency log entry: "cosign verify --key cosign.pub --insecure-ignore-tlog=true <ref>" accepts it.`,
    examples: ['gantry module sign ghcr.io/acme/redis:v1.0.0 --key cosign.key'],
    action: sign,
  });
}

async function sign(ref: string, flags: SignFlags): Promise<ExitCode> {
  const key = await readPrivateKey(flags.key, '--key');
  const { signArtifact } = await import('../../../shared/signature/index.ts');
  const { client, reference, name } = await openTarget(ref, flags);
  const { attachBundle } = await import('../../../shared/registry/index.ts');

  // Sign the digest of the bytes read here, never one that the registry only claims.
  const subject = await client.getManifest(reference.repository, name);
  const bundle = signArtifact({ digest: subject.digest, key, annotations: flags.annotation ?? {} });

  const { digest } = await attachBundle(client, {
    repository: reference.repository,
    subject,
    bundle,
    createdAt: new Date(),
  });

  const key_id = bundle.verificationMaterial.publicKey.hint;
  print(
    flags.json,
    { digest: subject.digest, signature_digest: digest, key_id },
    () => `signed ${subject.digest}\nkey ${key_id}`,
  );

  return 0;
}
