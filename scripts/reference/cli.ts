import type { Command } from 'commander';
import { exitCodes } from '../../cli/exit-codes.ts';
import { makeProgram } from '../../cli/program.ts';

/** Columns of the help texts in the reference, independent of the terminal that generates it. */
const helpWidth = 110;

/** docs/reference/cli.md: the `--help` output of every command. */
export async function cliReference(): Promise<string> {
  const program = await makeProgram(() => true);
  const groups = program.commands.map((group) => [
    `## gantry ${group.name()}\n`,
    `${capitalised(group.description())}.\n`,
    ...leavesOf(group).flatMap((command) => [
      `### ${pathOf(command)}\n`,
      `\`\`\`text\n${helpOf(command)}\n\`\`\`\n`,
    ]),
  ]);

  return [
    '# Commands\n',
    'The output of `gantry <command> --help` for every command. `npm run generate` writes this page.\n',
    '`gantry login` saves the URL and the token as a context. `GANTRY_CONTEXT` selects another one, `GANTRY_URL` and `GANTRY_TOKEN`',
    'override what is saved, and `--context` overrides all three. `GANTRY_DEBUG=1` prints the stack of an unexpected error.',
    'With `--json`, a command prints one JSON document on standard output. It prints an error as',
    '`{"error": {code, message, …}}` on standard error; [errors.md](errors.md) lists the codes.\n',
    '`-o json`, `-o yaml` and `-o name` print the whole document, or the names alone. `--watch` shows a list or an object again when it',
    'changes; with `--json`, each change is one line. Ctrl-C ends it with exit code 0.\n',
    'All commands use the same exit codes:\n',
    '| code | meaning |\n| --- | --- |',
    ...Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '\nOther names of verbs: `ls` for `list`, `get` for `show`, `rm` and `delete` for `remove` and `revoke`.\n',
    ...groups.flat(),
  ].join('\n');
}

/** The commands that do something: a group's subcommands, or the group itself. */
function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => helpWidth,
    getOutHasColors: () => false,
  });

  command.outputHelp();
  return text.trim();
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
