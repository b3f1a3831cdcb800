import { Argument, type Command } from 'commander';
import { describe } from '../command.ts';
import type { ExitCode } from '../run.ts';

const shells = ['bash', 'zsh', 'fish'];

/** `gantry completion` */
export function register(command: Command): void {
  command.addArgument(new Argument('<shell>', 'the shell that completes').choices(shells));
  describe(command, {
    examples: [
      'source <(gantry completion bash)',
      'source <(gantry completion zsh)',
      'gantry completion fish > ~/.config/fish/completions/gantry.fish',
    ],
    notes: `Put the line into the start-up file of the shell. bash needs the package bash-completion. Names of
modules, versions, templates and machines come from the control plane, within a second or not at all.`,
    action: printScript,
  });
}

async function printScript(shell: string): Promise<ExitCode> {
  const { script } = await import('@bomb.sh/tab');
  script(shell, 'gantry', 'gantry');
  return 0;
}
