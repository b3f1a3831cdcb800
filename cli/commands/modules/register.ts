import type { Command } from 'commander';
import { varieties } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags, oneOf } from '../../command.ts';
import {
  type RegistrationFlags,
  registrationOf,
  withRegistrationOptions,
} from '../../input/module-flags.ts';
import { type ExitCode, print } from '../../run.ts';

interface RegisterFlags extends Flags, RegistrationFlags {
  repository: string;
  category: string;
  variety?: string;
  parent?: string;
  public?: true;
  requireTlog: boolean;
  allowDevices?: true;
}

/** `gantry module register`: the row that rules over a module's manifests. */
export function registerModuleRegister(module: Command): void {
  const command = module
    .command('register <name>')
    .description('register a module: where it is published, and whose signatures count')
    .requiredOption('--repository <reference>', 'OCI reference without tag: host[:port]/path')
    .requiredOption('--category <slug>', 'a category of the account')
    .addOption(oneOf('--variety <variety>', varieties, 'subscription where left out'))
    .option('--parent <module>', 'the module whose configuration it overrides')
    .option('--public', 'other accounts may depend on it')
    .option(
      '--trusted-root <file>',
      'trusted_root.json of another Sigstore than the public-good one',
    )
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--allow-devices', 'let its layers hold device nodes');
  describe(withRegistrationOptions(command), {
    example:
      'gantry module register my-redis --repository ghcr.io/acme/my-redis --category userland --key cosign.pub',
    action: register,
  });
}

async function register(name: string, flags: RegisterFlags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.send(answers.registered, 'POST', '/modules', {
    name,
    repository: flags.repository,
    category: flags.category,
    variety: flags.variety,
    parent_module: flags.parent,
    visibility: flags.public ? 'public' : undefined,
    ...(await registrationOf(flags)),
    require_tlog: flags.requireTlog,
    allow_devices: flags.allowDevices,
  });
  const { id, repository } = answer.module;
  print(
    flags.json,
    answer,
    () => `registered ${name} as ${id}; ${repository} is polled from now on`,
  );
  return 0;
}
