import type { LayerName, TemplateComposition } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { noteConsidered } from '../../store/compose/index.ts';
import type { Services } from '../context/index.ts';

/**
 * Lets promotions find the template by the modules that it is being composed of. Returns true if
 * some of them were not recorded before. Those must be read again, because a promotion may have
 * been applied since.
 * @param before the composition in place, whose modules are recorded
 */
export function moduleNotes(
  services: Services,
  { account, template_id, track }: { account: string; template_id: string; track: Track },
  before: TemplateComposition | null,
): (modules: readonly LayerName[]) => Promise<boolean> {
  const noted = new Set(before?.modules ?? []);
  const sequence = (before?.revision ?? 0) + 1;

  return async (modules) => {
    const fresh = modules.filter((module) => !noted.has(module));
    await noteConsidered(
      services.db,
      fresh.map((module) => ({ module, account, template_id, track, sequence })),
    );
    for (const module of fresh) noted.add(module);

    return fresh.length > 0;
  };
}
