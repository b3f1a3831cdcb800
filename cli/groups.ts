import type { Command } from 'commander';

interface CommandGroup {
  name: string;
  summary: string;
  load: () => Promise<{ register: (command: Command) => void }>;
}

/** The nouns of the command line. A group's file is loaded only when the arguments name it. */
export const commandGroups: CommandGroup[] = [
  {
    name: 'module',
    summary: 'write, build, sign, push, verify and promote modules',
    load: () => import('./commands/module.ts'),
  },
  {
    name: 'agent',
    summary: 'enrol this machine and reconcile it to its desired state',
    load: () => import('./commands/agent.ts'),
  },
  { name: 'composefs', summary: 'make composefs images and digests', load: () => import('./commands/composefs.ts') },
];
