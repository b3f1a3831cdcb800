import type { LayerName, ResolutionRecord } from '../domain/compose/index.ts';
import type { Track } from '../domain/templates/index.ts';

/** The change that a request makes to one module of a template: removal, or a certain version. */
export interface Move {
  module: LayerName;
  to: { version_id: string } | null;
}

/**
 * Returns one sentence that says why a module does not change as requested, or null if it does.
 * @param resolution after the change
 */
export function explainUnmoved(
  { module, to }: Move,
  track: Track,
  resolution: ResolutionRecord | null,
): string | null {
  const stays = resolution?.modules[module];
  if (stays === undefined)
    return to === null ? null : `${module} is no part of the template on track ${track}`;
  if (to === null)
    return `${module} stays at ${stays.version}, required by ${stays.required_by.join(' and ')}`;
  if (to.version_id === stays.version_id) return null;

  const demands = stays.chains.map((chain) => chain.join(' → ')).join(' and ');
  return `${module} stays at ${stays.version}, which is what track ${track} hands out for ${demands}`;
}
