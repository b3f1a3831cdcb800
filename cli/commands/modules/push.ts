import type { Command } from 'commander';
import { describe, type Flags } from '../../command.ts';
import {
  addRegistryOptions,
  openTarget,
  type RegistryFlags,
  type Target,
} from '../../input/registry-target.ts';
import {
  addSigningOptions,
  openSigner,
  refuseSigningFlags,
  type SigningFlags,
  signingNotes,
} from '../../input/signing-flags.ts';
import { showProgressBar, withSpinner } from '../../output/progress.ts';
import { formatAttached, formatSigner } from '../../output/signed.ts';
import type { PushedArtifact } from '../../push/push-module.ts';
import { type ExitCode, print } from '../../run.ts';
import type { PayloadSigner } from '../../sign/signer.ts';

interface PushFlags extends Flags, RegistryFlags, SigningFlags {
  sign?: true;
}

/** `gantry module push`: does what `oras push` does with a module.tar. */
export function registerModulePush(module: Command): void {
  const command = module
    .command('push <dist-dir-or-tar> <ref>')
    .description('push what "gantry module build" made to a registry, and sign it')
    .option('--sign', 'sign and attest it before the tag names it');
  addRegistryOptions(addSigningOptions(command));

  describe(command, {
    notes: `
A directory with a module.tar becomes an artifact. One with <platform>/module.tar, as "gantry module build" with
several --platform writes it, becomes an index of them. The same builds give the same digest: the creation time is
SOURCE_DATE_EPOCH, or the time of the first entry of the tar. The same artifact of one module.tar comes from:
oras push <ref> ./dist/module.tar:application/vnd.powernode.module.v1+tar
Gantry uses the credentials of "docker login".

With --sign, the tag is set last: nobody finds the artifact before its signature and the attestations of the build.
${signingNotes}`,
    examples: [
      'gantry module push dist ghcr.io/acme/redis:v1.0.0 --sign',
      'gantry module push dist ghcr.io/acme/redis:v1.0.0 --sign --key cosign.key',
      'gantry module push dist ghcr.io/acme/redis:v1.0.0',
    ],
    action: push,
  });
}

async function push(path: string, ref: string, flags: PushFlags): Promise<ExitCode> {
  // A person who cannot sign learns it before the upload.
  if (!flags.sign) refuseSigningFlags(flags);
  const signer = flags.sign ? await openSigner(flags) : null;
  const target = await openTarget(ref, flags);
  const { pushByDigest, tagArtifact } = await import('../../push/push-module.ts');

  const bar = await showProgressBar(flags, `pushing ${ref}`);
  const pushed = await pushByDigest(target, path, (sent, size) =>
    bar.advanceTo(size === 0 ? 1 : sent / size),
  ).finally(bar.stop);

  await signer?.prepare();
  const signed =
    signer === null
      ? null
      : await withSpinner(flags, `signing ${ref}`, () => sign(target, pushed, path, signer));
  await tagArtifact(target, pushed);

  const { host, repository } = target.reference;
  const pinned = `${host}/${repository}@${pushed.digest}`;
  print(flags.json, { reference: ref, pinned, ...describePushed(pushed), ...signed }, () =>
    [
      `pushed ${ref}`,
      pinned,
      ...(signed === null
        ? []
        : [
            ...[...signed.attestations, signed.signature].map(formatAttached),
            ...formatSigner(signed.signature),
          ]),
    ].join('\n'),
  );
  return 0;
}

async function sign(target: Target, pushed: PushedArtifact, path: string, signer: PayloadSigner) {
  const { signAndAttest } = await import('../../sign/sign-artifact.ts');
  const { signature, attestations } = await signAndAttest(
    { ...target, name: pushed.digest },
    signer,
    { annotations: {}, build: path, recursive: false },
  );
  return { signature, attestations };
}

/** One build shows its layer; several are listed. */
function describePushed({ digest, builds }: PushedArtifact) {
  const [{ layer_digest, layer_size, uploaded, platform }] = builds;
  return platform === null
    ? { digest, layer_digest, layer_size, uploaded }
    : { digest, platforms: builds };
}
