import type { Client } from './client.ts';
import type { responses } from './response-schemas.ts';

export interface Api {
  client: Client;
  responses: typeof responses;
}

/**
 * Connects to the saved control plane. The client is loaded only when a command runs, so that
 * `--help` is fast.
 */
export async function connect(): Promise<Api> {
  const [{ makeClient }, { responses }, { readConnection }] = await Promise.all([
    import('./client.ts'),
    import('./response-schemas.ts'),
    import('./config.ts'),
  ]);
  return { client: makeClient(await readConnection()), responses };
}

/** Returns the id of a template or instance that is written as an id or as a name. */
export async function resolveId(
  api: Api,
  noun: 'templates' | 'instances',
  written: string,
): Promise<string> {
  const prefix = noun === 'templates' ? 'tpl_' : 'ins_';
  if (written.startsWith(prefix)) return written;

  const rows: { id: string; name: string; state?: string }[] =
    noun === 'templates'
      ? await api.client.all(api.responses.templates, 'templates', '/templates')
      : await api.client.all(api.responses.instances, 'instances', '/instances', { all: 'true' });
  // Another instance may have taken the name of a decommissioned one.
  const named = rows.filter(({ name }) => name === written);
  const row = named.find(({ state }) => state !== 'decommissioned') ?? named.at(-1);
  if (row !== undefined) return row.id;

  const [{ GantryError }, { sayNearest }] = await Promise.all([
    import('../../shared/base/error.ts'),
    import('../../shared/base/nearest.ts'),
  ]);
  const present = rows.filter(({ state }) => state !== 'decommissioned').map(({ name }) => name);
  throw new GantryError(
    'not_found',
    `expected the id or name of ${noun === 'templates' ? 'a template' : 'an instance'}, found "${written}"; ${sayNearest(written, present)}`,
  );
}
