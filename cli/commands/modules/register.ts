import type { Command } from 'commander';
import { varieties } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import {
  addRegistrationOptions,
  type RegistrationFlags,
  readRegistration,
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
  digitCommits?: true;
}

/** `gantry module register` */
export function registerModuleRegister(module: Command): void {
  const command = module
    .command('register <name>')
    .description('register a module: its repository and its trusted signers')
    .requiredOption('--repository <reference>', 'OCI reference without a tag: host[:port]/path')
    .requiredOption('--category <slug>', 'category of the account')
    .addOption(
      choiceOption(
        '--variety <variety>',
        varieties,
        'variety of the module (default: subscription)',
      ),
    )
    .option('--parent <module>', 'module whose files it replaces')
    .option('--public', 'let other accounts depend on it')
    .option(
      '--trusted-root <file>',
      'trusted_root.json of a private Sigstore (default: the public-good trust root)',
    )
    .option('--no-require-tlog', 'accept signatures without a transparency log entry')
    .option('--allow-devices', 'accept device nodes in its layers')
    .option('--digit-commits', 'take tags of digits alone as commit hashes');
  describe(addRegistrationOptions(command), {
    examples: [
      'gantry module register my-redis --repository ghcr.io/acme/my-redis --category userland --key cosign.pub',
    ],
    action: register,
  });
}

async function register(name: string, flags: RegisterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.registered, 'POST', '/modules', {
    name,
    repository: flags.repository,
    category: flags.category,
    variety: flags.variety,
    parent_module: flags.parent,
    visibility: flags.public ? 'public' : undefined,
    ...(await readRegistration(flags)),
    require_tlog: flags.requireTlog,
    allow_devices: flags.allowDevices,
    digit_commits: flags.digitCommits,
  });

  const { id, repository } = response.module;
  print(flags.json, response, () => `registered ${name} as ${id}\nGantry now polls ${repository}`);
  return 0;
}
