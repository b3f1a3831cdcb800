import type { Command } from 'commander';

interface CommandGroup {
  name: string;
  alias?: string;
  summary: string;
  load: () => Promise<{ register: (command: Command) => void }>;
}

/**
 * The groups of commands. `load` imports the file of a group only when the arguments name the
 * group.
 */
export const commandGroups: CommandGroup[] = [
  {
    name: 'module',
    summary: 'write, build, sign, push, verify and promote modules',
    load: () => import('./commands/modules/module.ts'),
  },
  {
    name: 'extension',
    summary: 'write, check and pack extensions of CloudStack',
    load: () => import('./commands/extensions/extension.ts'),
  },
  {
    name: 'verify-bundle',
    summary: 'verify the Sigstore bundle of a file offline',
    load: () => import('./commands/signatures/verify-bundle.ts'),
  },
  {
    name: 'agent',
    summary: 'enrol this machine and keep it in its desired state',
    load: () => import('./commands/machines/agent.ts'),
  },
  {
    name: 'login',
    summary: 'save the URL of a control plane and a token for it',
    load: () => import('./commands/accounts/login.ts'),
  },
  {
    name: 'logout',
    summary: 'revoke the saved token and forget it',
    load: () => import('./commands/accounts/logout.ts'),
  },
  {
    name: 'whoami',
    summary: 'show who you are for the control plane',
    load: () => import('./commands/accounts/whoami.ts'),
  },
  {
    name: 'context',
    summary: 'manage saved logins, one for each control plane or role',
    load: () => import('./commands/accounts/context.ts'),
  },
  {
    name: 'account',
    summary: 'show the account or create another',
    load: () => import('./commands/accounts/account.ts'),
  },
  {
    name: 'member',
    summary: 'manage the people of the account and their roles',
    load: () => import('./commands/accounts/member.ts'),
  },
  {
    name: 'token',
    summary: 'manage API tokens',
    load: () => import('./commands/accounts/token.ts'),
  },
  {
    name: 'category',
    summary: 'manage module categories and their positions',
    load: () => import('./commands/modules/category.ts'),
  },
  {
    name: 'registry',
    summary: 'manage the registry credentials of the platform',
    load: () => import('./commands/registries/registry.ts'),
  },
  {
    name: 'hook',
    summary: 'manage webhooks for registry pushes',
    load: () => import('./commands/registries/hook.ts'),
  },
  {
    name: 'template',
    summary: 'manage templates, from which machines are built',
    load: () => import('./commands/templates/template.ts'),
  },
  {
    name: 'composition',
    summary: 'show and explain compositions',
    load: () => import('./commands/templates/composition.ts'),
  },
  {
    name: 'assignment',
    summary: 'manage the modules of a template',
    load: () => import('./commands/templates/assignment.ts'),
  },
  {
    name: 'instance',
    summary: 'manage machines',
    load: () => import('./commands/machines/instance.ts'),
  },
  {
    name: 'drift',
    summary: 'compare what a machine runs with its desired state',
    load: () => import('./commands/machines/drift.ts'),
  },
  {
    name: 'fleet',
    summary: 'show how many machines run their desired state',
    load: () => import('./commands/machines/fleet.ts'),
  },
  {
    name: 'warning',
    alias: 'warnings',
    summary: 'list what waits for a person',
    load: () => import('./commands/upkeep/warning.ts'),
  },
  {
    name: 'sensor',
    summary: 'list the sensors, and set which of them mail',
    load: () => import('./commands/upkeep/sensor.ts'),
  },
  {
    name: 'operation',
    summary: 'list, follow and withdraw operations',
    load: () => import('./commands/operations/operation.ts'),
  },
  {
    name: 'events',
    alias: 'event',
    summary: 'list who did what in the account, and follow it',
    load: () => import('./commands/operations/events.ts'),
  },
  {
    name: 'approval',
    // The old name of the group, which scripts may still use.
    alias: 'approvals',
    summary: 'list and decide approvals',
    load: () => import('./commands/operations/approval.ts'),
  },
  {
    name: 'trust',
    summary: 'manage the keys of the account root',
    load: () => import('./commands/accounts/trust.ts'),
  },
  {
    name: 'policy',
    summary: 'manage intervention policies',
    load: () => import('./commands/operations/policy.ts'),
  },
  {
    name: 'composefs',
    summary: 'create and read composefs images',
    load: () => import('./commands/files/composefs.ts'),
  },
  {
    name: 'completion',
    summary: 'print the script that completes commands and names in a shell',
    load: () => import('./completion/command.ts'),
  },
];
