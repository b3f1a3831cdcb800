import { type Command as Described, RootCommand } from '@bomb.sh/tab';
import type { Command } from 'commander';
import { groupOf, makeProgram, useContext, useProxiesOf } from '../program.ts';
import { type Names, placeholderOf, readNames } from './names.ts';

/** `gantry complete -- <words>`: prints what the last word may become, for the shell's script. */
export async function complete(line: readonly string[]): Promise<void> {
  const { words, before } = splitVersion(line[0] === '--' ? line.slice(1) : line);
  const named = words.indexOf('--context');
  if (named !== -1) useContext(words[named + 1]);
  await useProxiesOf(process.env);

  const wanted = groupOf(words);
  const program = await makeProgram((group) => group === wanted);
  const written = `${before}${words.at(-1) ?? ''}`;
  const names = await readNames(commandOf(program, words), written, before);

  completionsOf(program, names).parse(words);
}

/**
 * bash breaks words at "@", so that `my-redis@0.1` comes as three. Returns the words with the last
 * of the three alone, which is what bash replaces, and what stands before it.
 */
export function splitVersion(words: readonly string[]): { words: string[]; before: string } {
  const at = words.length - 2;
  if (words[at] !== '@' || at < 1) return { words: [...words], before: '' };
  return { words: words.toSpliced(at - 1, 2), before: `${words[at - 1]}@` };
}

/** Returns the innermost command that a line names. */
export function commandOf(program: Command, words: readonly string[]): Command {
  return words.reduce(
    (found, word) => found.commands.find((command) => command.name() === word) ?? found,
    program,
  );
}

/** Returns the tree of commands in the form of the library that completes. */
function completionsOf(program: Command, names: Names): RootCommand {
  const root = new RootCommand();
  addParts(root, program, names);

  const add = (command: Command, path: string) => {
    const described = root.command(path, command.description());
    addParts(described, command, names);
    for (const child of command.commands) add(child, `${path} ${child.name()}`);
  };
  for (const command of program.commands) add(command, command.name());

  return root;
}

function addParts(described: Described, command: Command, names: Names): void {
  for (const {
    flags,
    long,
    short,
    argChoices,
    required,
    optional,
    description,
  } of command.options) {
    const option = long?.slice(2);
    if (option === undefined) continue;

    const alias = short?.slice(1);
    const values = argChoices ?? names.get(placeholderOf(flags)) ?? names.get(option) ?? [];
    const offer = (add: (value: string, description: string) => void) => {
      for (const value of values) add(value, '');
    };
    // An option without a handler takes no value.
    if (required || optional) described.option(option, description, offer, alias);
    else described.option(option, description, alias);
  }

  for (const argument of command.registeredArguments) {
    const values = argument.argChoices ?? names.get(argument.name()) ?? [];
    described.argument(
      argument.name(),
      (add) => {
        for (const value of values) add(value, '');
      },
      argument.variadic,
    );
  }
}
