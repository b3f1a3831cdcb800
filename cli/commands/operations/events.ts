import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { type Api, resolveId } from '../../client/api.ts';
import { addEventOptions, type EventFlags, showEvents } from '../../client/events.ts';
import { describe } from '../../command.ts';
import type { ExitCode } from '../../run.ts';

interface Flags extends EventFlags {
  module?: string;
  template?: string;
  instance?: string;
  member?: string;
  category?: string;
}

/** `gantry events`: who did what in the account. */
export function register(command: Command): void {
  addEventOptions(command)
    .option('--module <name>', 'only events about a module and its versions')
    .option('--template <template>', 'only events about a template, by id or name')
    .option('--instance <instance>', 'only events about an instance, by id or name')
    .option('--member <id>', 'only events about a member')
    .option('--category <slug>', 'only events about a category');
  describe(command, {
    examples: [
      'gantry events --since 2h',
      'gantry events --module my-redis --kind version.promoted',
      'gantry events --follow',
    ],
    notes: 'One option at most names what the events are about.',
    action: events,
  });
}

function events(flags: Flags): Promise<ExitCode> {
  requireOneObject(flags);
  return showEvents(flags, (api) => aboutOf(api, flags));
}

/** An event is about one object; a second option would be ignored. @throws GantryError `usage` */
function requireOneObject({ module, template, instance, member, category }: Flags): void {
  const given = Object.entries({ module, template, instance, member, category }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`--${name}`]),
  );
  if (given.length < 2) return;
  throw new GantryError('usage', `expected one object of events, found ${given.join(' and ')}`);
}

async function aboutOf(api: Api, flags: Flags): Promise<string | undefined> {
  const { module, template, instance, member, category } = flags;
  if (module !== undefined) return `module/${module}`;
  if (template !== undefined) return `template/${await resolveId(api, 'templates', template)}`;
  if (instance !== undefined) return `instance/${await resolveId(api, 'instances', instance)}`;
  if (member !== undefined) return `member/${member}`;
  return category === undefined ? undefined : `category/${category}`;
}
