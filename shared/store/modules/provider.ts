import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { attempt, type Db, entity } from '../table/index.ts';

/**
 * States that a version of a module offers a capability: an index over the manifests of an account.
 */
interface Provider {
  account: string;
  capability: string;
  module: string;
}

const providers = entity<Provider>()({
  name: 'provider',
  attributes: { account: 'text', capability: 'text', module: 'text' },
  key: { pk: '${account}#provides#${capability}', sk: 'module#${module}' },
});

/**
 * Notes that a module offers capabilities. The note is written before the version: a note too many
 * (of a version whose ingest failed) costs a reader one look, a missing note would hide a provider.
 * Notes are never removed.
 */
export async function noteProvider(
  db: Db,
  account: string,
  module: string,
  capabilities: string[],
): Promise<void> {
  await mapConcurrently(capabilities, limits.storeReadsAtOnce, (capability) =>
    attempt(db, providers.create({ account, capability, module })),
  );
}

/**
 * Names of the account's modules that may provide a capability, sorted; their versions say whether
 * they do.
 */
export async function listProviders(
  db: Db,
  account: string,
  capability: string,
): Promise<string[]> {
  const rows = await providers.all(db, 'primary', { account, capability });
  return rows.map(({ module }) => module);
}
