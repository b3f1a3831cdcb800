import { isDeepStrictEqual } from 'node:util';
import type { DesiredState } from '../../shared/contract/reconcile/index.ts';
import type { GeneratedLayer } from '../../shared/units/index.ts';
import type { Agent } from '../agent.ts';
import { isStored } from './store.ts';

/**
 * Makes sure that the store has the generated files of a composition, as it has those of layers: a
 * mounted root reads them from there.
 */
export async function storeGenerated(
  { entries, contents }: GeneratedLayer,
  { composition_digest }: Pick<DesiredState, 'composition_digest'>,
  { store, check }: Agent,
): Promise<void> {
  const objects = entries.flatMap((entry) => {
    const bytes = contents.get(entry.path);
    const { verity, size } = entry;
    const isObject = bytes !== undefined && verity !== undefined && isStored(entry);
    return isObject ? [{ verity, size, bytes }] : [];
  });
  const missing = objects.filter(
    ({ verity, size }) => store.checkObject(verity, size, check) !== 'right',
  );

  for (const { verity, bytes } of missing) {
    await store.removeObject(verity);
    const sink = store.openSink();
    try {
      await sink.write(bytes);
      await sink.end(verity);
    } finally {
      store.abandonSink();
    }
  }

  if (missing.length > 0) await store.sync();
  const names = [...new Set(objects.map(({ verity }) => verity))].sort();
  if (!isDeepStrictEqual(await store.readGenerated(composition_digest), names))
    await store.writeGenerated(composition_digest, names);
}
