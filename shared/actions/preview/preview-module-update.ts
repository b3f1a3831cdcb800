import type { UpdateModuleBody } from '../../contract/modules/index.ts';
import type { Action, TrustLosses } from '../../domain/operations/index.ts';
import type { Services } from '../context/index.ts';
import { requireModule } from '../modules/index.ts';
import { kindOf, moduleUpdateOf, readTrustLosses } from '../operations/index.ts';

export interface ModuleUpdatePreview extends TrustLosses {
  /** The action whose policy the change needs. */
  action: Action;
  /** True if an artifact can get in that the present policy refuses. */
  loosens_trust: boolean;
}

/**
 * Returns which versions a change of a registration would quarantine, and where they are in use.
 * Changes nothing. Throws as the request does, but for `in_use`.
 */
export async function previewModuleUpdate(
  services: Services,
  account: string,
  { name, ...input }: UpdateModuleBody & { name: string },
): Promise<ModuleUpdatePreview> {
  const module = await requireModule(services, account, name);
  const change = await moduleUpdateOf(services, account, name, input);
  const { losses, not_judged } = await readTrustLosses(services, module, change.set);
  const { loosens_trust } = change;

  return { action: kindOf(change).action(change), loosens_trust, losses, not_judged };
}
