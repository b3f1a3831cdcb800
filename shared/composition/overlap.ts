import type { CompositionLayer } from '../domain/composition.ts';

export function overlapWarnings(_layers: readonly CompositionLayer[]): string[] {
  return [];
}
