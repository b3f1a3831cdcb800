import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  type WaitFlags,
  waits,
} from '../../client/await-operation.ts';
import { describe } from '../../command.ts';
import {
  type RegistrationFlags,
  registrationOf,
  withRegistrationOptions,
} from '../../input/module-flags.ts';
import type { ExitCode } from '../../run.ts';

interface UpdateFlags extends WaitFlags, RegistrationFlags {
  repository?: string;
  category?: string;
  public?: true;
  private?: true;
  publicTrustedRoot?: true;
  keys: boolean;
  identities: boolean;
  attestations: boolean;
  requireTlog?: boolean;
  allowDevices?: boolean;
}

/** `gantry module update` */
export function registerModuleUpdate(module: Command): void {
  const command = module
    .command('update <name>')
    .description(
      'change a registration; what is given several times replaces all there was, the rest stays',
    )
    .option('--repository <reference>', 'OCI reference without tag: host[:port]/path')
    .option('--category <slug>', 'a category of the account')
    .option('--public', 'other accounts may depend on it')
    .option('--private', 'only its own account may')
    .option(
      '--trusted-root <file>',
      'trusted_root.json of another Sigstore; old and new logs may stand side by side',
    )
    .option('--public-trusted-root', 'the public-good Sigstore again')
    .option('--no-keys', 'no key counts any more')
    .option('--no-identities', 'no keyless signature counts any more')
    .option('--no-attestations', 'ask for none')
    .option('--require-tlog', 'ask for a transparency log entry')
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--allow-devices', 'let its layers hold device nodes')
    .option('--no-allow-devices', 'refuse layers with device nodes');
  describe(waits(withRegistrationOptions(command)), {
    example: 'gantry module update my-redis --key old.pub --key new.pub',
    no: changeRefused,
    action: update,
  });
}

async function update(name: string, flags: UpdateFlags): Promise<ExitCode> {
  const visibility = eitherOf(flags.public, 'public', flags.private, 'private');
  eitherOf(flags.key, 'key', flags.keys ? undefined : true, 'no-keys');
  eitherOf(
    flags.identity ?? flags.identityRegexp,
    'identity',
    flags.identities ? undefined : true,
    'no-identities',
  );
  eitherOf(
    flags.requireAttestation,
    'require-attestation',
    flags.attestations ? undefined : true,
    'no-attestations',
  );
  eitherOf(flags.trustedRoot, 'trusted-root', flags.publicTrustedRoot, 'public-trusted-root');
  const api = await connect();
  const { operation } = await api.client.send(
    api.answers.operation,
    'PATCH',
    `/modules/${encodeURIComponent(name)}`,
    {
      ...(await registrationOf(flags)),
      ...(flags.publicTrustedRoot ? { trusted_root: null } : {}),
      ...(flags.keys ? {} : { trusted_keys: [] }),
      ...(flags.identities ? {} : { cosign_identities: [] }),
      ...(flags.attestations ? {} : { required_attestations: [] }),
      repository: flags.repository,
      category: flags.category,
      visibility,
      require_tlog: flags.requireTlog,
      allow_devices: flags.allowDevices,
    },
  );
  return awaitOperation(api, operation, flags);
}

/** The name of the one of two flags that was given. */
function eitherOf(
  first: unknown,
  firstName: string,
  second: unknown,
  secondName: string,
): string | undefined {
  if (first !== undefined && second !== undefined) {
    throw new GantryError('usage', `expected --${firstName} or --${secondName}, found both`);
  }
  return first !== undefined ? firstName : second !== undefined ? secondName : undefined;
}
