import { type Command, Option } from 'commander';
import type { Filter, Filters } from '../../shared/base/filters.ts';

/** What the options of a list hold, by the names that commander gives them. */
export type FilterFlags = Readonly<Record<string, unknown>>;

/** Adds an option for each filter of a list. */
export function addFilters(command: Command, filters: Filters): Command {
  for (const [name, filter] of Object.entries(filters)) command.addOption(optionOf(name, filter));
  return command;
}

function optionOf(name: string, filter: Filter): Option {
  const { kind, about } = filter;
  const flag = `--${name.replaceAll('_', '-')}`;
  if (kind === 'flag') return new Option(flag, about);

  const option = new Option(`${flag} <${kind === 'choice' ? 'word' : kind}>`, `only by ${about}`);
  return kind === 'choice' ? option.choices(filter.choices) : option;
}

/** The query of a list that the options ask for. */
export function filterQuery(
  filters: Filters,
  flags: FilterFlags,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.keys(filters).map((name) => {
      const value = flags[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
      return [name, value === undefined ? undefined : String(value)];
    }),
  );
}
