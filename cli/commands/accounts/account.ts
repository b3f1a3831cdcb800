import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { z } from 'zod';
import type { accountSchema } from '../../../shared/contract/accounts/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { addTimeout } from '../../input/duration.ts';
import { readPublicHalf } from '../../input/private-key.ts';
import { showSpinner } from '../../output/progress.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry account …` */
export function register(command: Command): void {
  describe(command.command('show').description('show the account that the token belongs to'), {
    examples: ['gantry account show'],
    action: show,
  });
  describe(
    addTimeout(
      command
        .command('create <slug>')
        .description(
          'create an account and its first admin token; needs the token that the deployment printed',
        )
        .option('--name <name>', 'display name (default: the slug)')
        .option(
          '--recovery-key <file>',
          'offline key, whose public half may sign the account root if the KMS key is lost',
        )
        .option('--no-wait', 'return as soon as the account is requested'),
      600,
    ),
    {
      examples: [
        'gantry trust root make-key acme-recovery.pem',
        'gantry account create acme --name "Acme Inc." --recovery-key acme-recovery.pem.pub',
      ],
      notes: 'If the account cannot be made now, Gantry tries again for a day.',
      no: { 1: 'the account could not be created', 4: exitCodes[4] },
      action: create,
    },
  );
}

async function show(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.account, '/accounts/current');
  const { slug, name, root_version, root_sha256, created_at } = response.account;

  print(flags.json, response, () =>
    formatFields([
      ['slug', slug],
      ['name', name],
      ['root', root_sha256 === null ? null : `version ${root_version}, sha256 ${root_sha256}`],
      ['created', created_at],
    ]),
  );

  return 0;
}

interface CreateFlags extends Flags {
  name?: string;
  recoveryKey?: string;
  wait: boolean;
  timeout: number;
}

async function create(slug: string, flags: CreateFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const key = flags.recoveryKey;
  const requested = await client.send(responses.newAccount, 'POST', '/accounts', {
    slug,
    name: flags.name ?? slug,
    ...(key === undefined ? {} : { recovery_key: await readPublicHalf(key) }),
  });
  const { token } = requested;

  // Printed before the wait: an interrupted command must not lose it.
  if (!flags.json) process.stdout.write(`admin token, shown only once:\n${token}\n`);

  let { account } = requested;
  const deadline = Date.now() + flags.timeout * 1000;
  const spinner = await showSpinner(flags, `creating account ${slug}`);
  while (flags.wait && account.state === 'creating' && Date.now() < deadline) {
    await sleep(pauseMs);
    ({ account } = await client.get(responses.account, `/accounts/${slug}`));
  }
  spinner.stop();

  print(flags.json, { account, token }, () => formatCreated(account, key !== undefined));
  if (account.state === 'active' || !flags.wait) return 0;
  return account.state === 'failed' ? 1 : 4;
}

/** Between two looks at an account that is being created. */
const pauseMs = 2000;

type ShownAccount = z.infer<typeof accountSchema>;

function formatCreated({ slug, state, code, message }: ShownAccount, recoverable: boolean): string {
  if (state === 'active') {
    const hint =
      'It has no recovery key. If its KMS key is lost, machines can follow no other one: ' +
      'gantry trust root make-key, then gantry trust root add-key';
    return recoverable ? `created account ${slug}` : `created account ${slug}\n${hint}`;
  }

  const why = code === null ? '' : `\n  ${message} (${code})`;
  return state === 'failed'
    ? `account ${slug} could not be created; request it again${why}`
    : `account ${slug} is being created, and the token is not valid yet${why}`;
}
