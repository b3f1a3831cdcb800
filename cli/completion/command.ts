import { Argument, type Command } from 'commander';
import { describe } from '../command.ts';
import { writeOut } from '../output/sink.ts';
import type { ExitCode } from '../run.ts';
import { hardenBashScript } from './bash-script.ts';

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
  const text = await scriptFor(shell);
  writeOut(shell === 'bash' ? hardenBashScript(text) : text);
  return 0;
}

/** Returns the script of the library, which can only print it. */
async function scriptFor(shell: string): Promise<string> {
  const { script } = await import('@bomb.sh/tab');
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => printed.push(text);

  try {
    script(shell, 'gantry', 'gantry');
    return printed.join('\n');
  } finally {
    console.log = log;
  }
}
