import type { Command } from 'commander';
import { addEventOptions, type EventFlags, showEvents } from '../../client/events.ts';
import { describe } from '../../command.ts';

/** `gantry module history` */
export function registerModuleHistory(module: Command): void {
  const command = module
    .command('history <name>')
    .description('list what happened to a module and its versions, and who did it');
  describe(addEventOptions(command), {
    examples: ['gantry module history my-redis --since 7d'],
    action: (name: string, flags: EventFlags) => showEvents(flags, async () => `module/${name}`),
  });
}
