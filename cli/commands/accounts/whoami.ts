import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry whoami` */
export function register(command: Command): void {
  describe(command, {
    examples: ['gantry whoami', 'gantry whoami --context prod'],
    action: whoami,
  });
}

async function whoami(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.caller, '/whoami');
  const { account, member, person, roles, token } = response.caller;
  const ours = member === null ? null : `${member.name} <${member.email}>`;

  print(flags.json, response, () =>
    formatFields([
      ['member', ours ?? 'none: a service token'],
      ['counts as', person],
      ['account', `${account.slug} (${account.name})`],
      ['roles', roles.join(', ')],
      ['token', `${token.name} (${token.id})`],
      ['expires', token.expires_at ?? 'never'],
    ]),
  );

  return 0;
}
