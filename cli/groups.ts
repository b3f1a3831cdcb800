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
    load: () => import('./commands/modules/module.ts'),
  },
  {
    name: 'verify-bundle',
    summary: 'verify a Sigstore bundle about a file, without server and network',
    load: () => import('./commands/signatures/verify-bundle.ts'),
  },
  {
    name: 'agent',
    summary: 'enrol this machine and reconcile it to its desired state',
    load: () => import('./commands/machines/agent.ts'),
  },
  {
    name: 'login',
    summary: 'keep where the control plane is, and a token for it',
    load: () => import('./commands/accounts/login.ts'),
  },
  {
    name: 'account',
    summary: 'show the account, make accounts',
    load: () => import('./commands/accounts/account.ts'),
  },
  {
    name: 'member',
    summary: 'people of the account and their roles',
    load: () => import('./commands/accounts/member.ts'),
  },
  { name: 'token', summary: 'API tokens', load: () => import('./commands/accounts/token.ts') },
  {
    name: 'category',
    summary: 'categories of modules and their positions',
    load: () => import('./commands/modules/category.ts'),
  },
  {
    name: 'registry',
    summary: 'credentials by which the platform reads from registries',
    load: () => import('./commands/registries/registry.ts'),
  },
  {
    name: 'hook',
    summary: 'webhooks by which registries tell of pushes',
    load: () => import('./commands/registries/hook.ts'),
  },
  {
    name: 'template',
    summary: 'templates that machines are built from',
    load: () => import('./commands/templates/template.ts'),
  },
  {
    name: 'composition',
    summary: 'why machines have what they have',
    load: () => import('./commands/templates/composition.ts'),
  },
  {
    name: 'assignment',
    summary: 'modules of a template',
    load: () => import('./commands/templates/assignment.ts'),
  },
  {
    name: 'instance',
    summary: 'machines built from a template',
    load: () => import('./commands/machines/instance.ts'),
  },
  {
    name: 'drift',
    summary: 'whether a machine runs what it should',
    load: () => import('./commands/machines/drift.ts'),
  },
  {
    name: 'fleet',
    summary: 'which machines run what they should',
    load: () => import('./commands/machines/fleet.ts'),
  },
  {
    name: 'operation',
    summary: 'changes on their way',
    load: () => import('./commands/operations/operation.ts'),
  },
  {
    name: 'approvals',
    summary: 'requests that wait for a reviewer',
    load: () => import('./commands/operations/approvals.ts'),
  },
  {
    name: 'trust',
    summary: 'the keys that machines of the account trust',
    load: () => import('./commands/accounts/trust.ts'),
  },
  {
    name: 'policy',
    summary: 'what each action asks for',
    load: () => import('./commands/operations/policy.ts'),
  },
  {
    name: 'composefs',
    summary: 'make composefs images and digests',
    load: () => import('./commands/files/composefs.ts'),
  },
];
