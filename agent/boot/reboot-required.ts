import type { DesiredState } from '../../shared/contract/reconcile/index.ts';
import { moduleLabel } from '../../shared/domain/templates/index.ts';
import { parseManifestJson } from '../../shared/manifest/index.ts';
import type { Agent } from '../agent.ts';

/**
 * Names the changed modules whose manifest says that only a boot makes a version effective.
 *
 * @param changed `<account>/<module>` of each
 */
export async function findRebootRequired(
  { store, config }: Pick<Agent, 'store' | 'config'>,
  { layers }: DesiredState,
  changed: ReadonlySet<string>,
): Promise<string[]> {
  const names: string[] = [];
  for (const { account, module, layer_digest } of layers) {
    if (!changed.has(`${account}/${module}`)) continue;

    const record = await store.readLayer(layer_digest);
    if (record === undefined) continue;
    if (parseManifestJson(record.manifest_json).reboot_required === true)
      names.push(moduleLabel(config.account, account, module));
  }

  return names;
}
