import type { answers } from './answers.ts';
import type { Client } from './client.ts';

export interface Api {
  client: Client;
  answers: typeof answers;
}

/** The control plane that `gantry login` chose. Loaded when a command runs, so that `--help` need not wait for it. */
export async function connect(): Promise<Api> {
  const [{ makeClient }, { answers }, { readConnection }] = await Promise.all([
    import('./client.ts'),
    import('./answers.ts'),
    import('./config.ts'),
  ]);
  return { client: makeClient(await readConnection()), answers };
}

/** The id behind what a person wrote: an id as it is, or the name of a template or instance. */
export async function idOf(
  api: Api,
  noun: 'templates' | 'instances',
  written: string,
): Promise<string> {
  const prefix = noun === 'templates' ? 'tpl_' : 'ins_';
  if (written.startsWith(prefix)) return written;
  const rows: { id: string; name: string; state?: string }[] =
    noun === 'templates'
      ? await api.client.all(api.answers.templates, 'templates', '/templates')
      : await api.client.all(api.answers.instances, 'instances', '/instances');
  // The name of a decommissioned instance is free for another one.
  const named = rows.filter(({ name }) => name === written);
  const row = named.find(({ state }) => state !== 'decommissioned') ?? named.at(-1);
  if (row !== undefined) return row.id;
  const { GantryError } = await import('../../shared/base/error.ts');
  throw new GantryError(
    'not_found',
    `expected the id or name of one of the ${noun}, found "${written}"`,
  );
}
