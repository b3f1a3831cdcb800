import type { LayerName, ResolutionRecord } from '../domain/compose/index.ts';
import type { Track } from '../domain/templates/index.ts';

/** What a change asks of one module of a template: that it goes, or that it is this version. */
export interface Move {
  module: LayerName;
  to: { version_id: string } | null;
}

/**
 * Why a module stays as it is although a change is about it, in one sentence; null where it does
 * what the change asks.
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
