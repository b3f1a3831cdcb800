import type { CommanderError } from 'commander';
import { GantryError } from '../shared/base/error.ts';

/**
 * Ends after a help or version page, and turns the usage errors of commander into errors like all
 * others.
 */
export function throwUsageError(error: CommanderError): never {
  if (error.exitCode === 0) process.exit(0);
  // A group without a subcommand prints its help as its error.
  if (error.code === 'commander.help') process.exit(2);

  const more = error.code === 'commander.unknownCommand' ? '; --help lists the commands' : '';
  throw new GantryError('usage', `${sentenceOf(error.message)}${more}`);
}

/** Keeps only the suggestions that start as the written word does, of which most are meant. */
function sentenceOf(message: string): string {
  const [, found = ''] = /'-*(\w)/.exec(message) ?? [];

  return message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (?:one of )?(.*)\?\)$/, (_all, words: string) => {
      const similar = words.split(', ').filter((word) => word.replace(/^-*/, '').startsWith(found));
      return similar.length === 0 ? '' : ` (Did you mean ${similar.join(' or ')}?)`;
    });
}
