import type { Command } from 'commander';
import { readPrivateKey } from '../../input/private-key.ts';
import { collectAnnotation, openTarget } from '../../input/registry-target.ts';
import { type ExitCode, print, run } from '../../run.ts';

interface SignFlags {
  key: string;
  annotation?: Record<string, string>;
  plainHttp?: true;
  json?: true;
}

/** `gantry module sign`: what `cosign sign --key` does, without a transparency log. */
export function registerModuleSign(module: Command): void {
  module
    .command('sign <ref>')
    .description('sign an artifact in a registry with a private key')
    .requiredOption(
      '--key <file>',
      'private key: as "cosign generate-key-pair" writes it, or plain PEM',
    )
    .option('--annotation <name=value>', 'value to sign along (repeatable)', collectAnnotation)
    .option('--plain-http', 'speak http to the registry (loopback hosts are anyway)')
    .option('--json', 'print the digests as JSON')
    .addHelpText(
      'after',
      `
The key's password comes from COSIGN_PASSWORD, else is asked for. The signature is a Sigstore bundle without a
transparency log entry: "cosign verify --key cosign.pub --insecure-ignore-tlog=true <ref>" accepts it.

Example:
  gantry module sign ghcr.io/acme/redis:v1.0.0 --key cosign.key

Exit codes: 0 signed, 2 wrong usage or an error.`,
    )
    .action(run(sign));
}

async function sign(ref: string, flags: SignFlags): Promise<ExitCode> {
  const key = await readPrivateKey(flags.key, '--key');
  const { signArtifact } = await import('../../../shared/signature/index.ts');
  const { client, reference, name } = await openTarget(ref, flags);
  const { attachBundle } = await import('../../../shared/registry/index.ts');

  // What is signed is the digest of the bytes read here, never one that the registry only states.
  const subject = await client.getManifest(reference.repository, name);
  const bundle = signArtifact({ digest: subject.digest, key, annotations: flags.annotation ?? {} });
  const { digest } = await attachBundle(client, reference.repository, subject, bundle, new Date());
  const key_id = bundle.verificationMaterial.publicKey.hint;
  print(
    flags.json,
    { digest: subject.digest, signature_digest: digest, key_id },
    () => `signed ${subject.digest}\nwith key ${key_id}`,
  );
  return 0;
}
