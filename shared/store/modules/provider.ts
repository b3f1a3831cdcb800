import { Entity } from 'electrodb';
import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { type Db, key, putIfAbsent, query, service, text } from '../db.ts';

/** That some version of a module offers a capability: an index over the manifests of an account. */
const providers = new Entity(
  {
    model: { entity: 'provider', version: '1', service },
    attributes: { account: text, capability: text, module: text },
    indexes: {
      primary: {
        pk: key('pk', ['account', 'capability'], '${account}#provides#${capability}'),
        sk: key('sk', ['module'], 'module#${module}'),
      },
    },
  } as const,
  { table: 'table' },
);

/**
 * Notes that a module offers capabilities. Written before the version that does: a row too many (of a version that never
 * came to be) costs its readers a look, one that lacks would hide a provider. Nothing removes a row.
 */
export async function noteProvider(
  db: Db,
  account: string,
  module: string,
  capabilities: string[],
): Promise<void> {
  await mapConcurrently(capabilities, limits.storeReadsAtOnce, (capability) =>
    putIfAbsent(db, providers.create({ account, capability, module }).params()),
  );
}

/** Names of the account's modules that may provide a capability, sorted; what their versions say rules. */
export async function listProviders(
  db: Db,
  account: string,
  capability: string,
): Promise<string[]> {
  const params = providers.query.primary({ account, capability }).begins({ module: '' }).params();
  const rows = await query<{ module: string }>(
    db,
    providers,
    { ...params, ConsistentRead: true },
    100_000,
  );
  return rows.map(({ module }) => module);
}
