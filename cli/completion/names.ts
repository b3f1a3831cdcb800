import type { Command } from 'commander';
import type { Api } from '../client/api.ts';

/** What may stand for an argument or an option, by its name. */
export type Names = ReadonlyMap<string, readonly string[]>;

/** A person waits with a finger on the tab key: a slow control plane offers nothing. */
const namesTimeoutMs = 1000;
/** The shell lists no more than fits on a screen or two. */
const namesMax = 200;
/** How many modules are asked for their versions. */
const versionedModulesMax = 5;

type Reader = (api: Api, written: string) => Promise<string[]>;

const readModules: Reader = async ({ client, responses }) => {
  const { modules } = await client.get(responses.modules, '/modules', { limit: `${namesMax}` });
  return modules.map(({ name }) => name);
};

/** Where the names of an argument or option come from. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['module', readModules],
  ['version', readVersions],
  [
    'template',
    async ({ client, responses }) => {
      const query = { limit: `${namesMax}` };
      const { templates } = await client.get(responses.templates, '/templates', query);
      return templates.map(({ name }) => name);
    },
  ],
  [
    'instance',
    async ({ client, responses }) => {
      const query = { limit: `${namesMax}` };
      const { instances } = await client.get(responses.instances, '/instances', query);
      return instances.filter(({ state }) => state !== 'decommissioned').map(({ name }) => name);
    },
  ],
  [
    'category',
    async ({ client, responses }) => {
      const { categories } = await client.get(responses.categories, '/categories');
      return categories.map(({ slug }) => slug);
    },
  ],
  [
    'action',
    async ({ client, responses }) => {
      const { policies } = await client.get(responses.policies, '/policies');
      return policies.map(({ action }) => action);
    },
  ],
  [
    'approval',
    async ({ client, responses }) => {
      const query = { state: 'pending' };
      const { approvals } = await client.get(responses.approvals, '/approvals', query);
      return approvals.map(({ id }) => id);
    },
  ],
  [
    'operation',
    async ({ client, responses }) => {
      const { operations } = await client.get(responses.operations, '/operations');
      return operations.map(({ id }) => id);
    },
  ],
]);

/** Versions of the modules whose names begin as written: `my-redis@0.1.0`. */
async function readVersions(api: Api, written: string): Promise<string[]> {
  const prefix = written.replace(/@.*$/s, '');
  const modules = (await readModules(api, '')).filter((name) => name.startsWith(prefix));
  if (modules.length > versionedModulesMax) return modules.map((name) => `${name}@`);

  const { client, responses } = api;
  const versions = await Promise.all(
    modules.map(async (name) => {
      const path = `/modules/${encodeURIComponent(name)}/versions`;
      const page = await client.get(responses.versions, path, { limit: '20' });
      return page.versions.map(({ version_string }) => `${name}@${version_string}`);
    }),
  );
  return versions.flat();
}

/**
 * Returns what may stand for the arguments and options of a command. Contexts are saved on this
 * machine, the others come from the control plane. No failure is shown: it would garble the line
 * that a person types.
 * @param before the part of what is written that the shell keeps, so that names come without it
 */
export async function readNames(command: Command, written: string, before: string): Promise<Names> {
  const asked = askedOf(command);
  const found = new Map([['context', await readContextNames()]]);
  if (asked.size === 0) return found;

  try {
    const { connect } = await import('../client/api.ts');
    const api = await connect();
    const late = AbortSignal.timeout(namesTimeoutMs);
    const rows = [...asked].map(async ([name, read]) => {
      const names = (await read(api, written).catch(() => [])).filter(isPlain);
      found.set(
        name,
        names.filter((one) => one.startsWith(before)).map((one) => one.slice(before.length)),
      );
    });
    await Promise.race([
      Promise.all(rows),
      new Promise((end) => late.addEventListener('abort', end)),
    ]);
  } catch {
    // Nobody is logged in.
  }

  return found;
}

async function readContextNames(): Promise<string[]> {
  const { readContexts } = await import('../client/config.ts');
  const { contexts } = await readContexts().catch(() => ({ contexts: [] }));
  return contexts.map(({ name }) => name).filter(isPlain);
}

/** A shell may expand what it completes, so that a name like `$(rm)` is not offered. */
function isPlain(name: string): boolean {
  return /^\w[\w@./:+-]*$/.test(name);
}

/** The readers of the arguments and options that a command has. */
function askedOf(command: Command): Map<string, Reader> {
  const written = [
    ...command.registeredArguments.map((argument) => argument.name()),
    ...command.options.flatMap(({ long, flags }) => [long?.slice(2) ?? '', placeholderOf(flags)]),
  ];

  const asked = new Map<string, Reader>();
  for (const name of written) {
    const read = readers.get(isOwnName(command, name) ? (command.parent?.name() ?? '') : name);
    if (read !== undefined) asked.set(name, read);
  }
  return asked;
}

/** `<id>` and `<name>` are those of the command's group, unless the command makes something new. */
function isOwnName(command: Command, name: string): boolean {
  const makes = ['create', 'init', 'register', 'login'].includes(command.name());
  return (name === 'id' || name === 'name') && !makes;
}

/** Returns what stands for the value of an option: `module` for `--assign <module>`. */
export function placeholderOf(flags: string): string {
  return /[<[]([\w-]+)[>\]]/.exec(flags)?.[1] ?? '';
}
