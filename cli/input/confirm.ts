import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';

export interface ConfirmFlags {
  yes?: true;
}

/** Adds the option of commands that end something. */
export function addYes(command: Command): Command {
  return command.option('--yes', 'do not ask; needed where standard input is no terminal');
}

/**
 * Asks a person before a command ends something that nobody can bring back.
 * @param what completes the question, such as `revoke token tok_1`
 * @throws GantryError `usage` without `--yes` where nobody can be asked, or if the person says no
 */
export async function confirm(what: string, { yes }: ConfirmFlags): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new GantryError(
      'usage',
      `expected --yes to ${what}: standard input is no terminal, so nobody can be asked`,
    );
  }

  const prompts = await import('@clack/prompts');
  const message = `${what[0]?.toUpperCase()}${what.slice(1)}?`;
  const response = await prompts.confirm({
    message,
    initialValue: false,
    output: process.stderr,
  });
  if (response !== true) throw new GantryError('usage', `nothing was changed: did not ${what}`);
}
