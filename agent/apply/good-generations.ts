import { createHash } from 'node:crypto';
import type { VerifiedDesiredState } from '../../shared/director/index.ts';
import type { AgentState } from '../state.ts';

type Good = AgentState['good'];

/**
 * Names what a desired state makes of a machine. Approvals, policies and signatures are not in it:
 * content that failed is not tried again because the same was signed again.
 */
export function contentKey({ state }: VerifiedDesiredState): string {
  const { composition_digest, rendered_files, metadata } = state;
  const content = JSON.stringify([composition_digest, rendered_files, metadata]);
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Adds a generation that passed its checks. Of generations with equal content the newest suffices,
 * so the one before has other content, and a return to it changes something.
 */
export function addGood(good: Good, generation: number, content: string): Good {
  const others = good.filter((one) => one.generation !== generation && one.content !== content);
  return [{ generation, content }, ...others.slice(0, 1)];
}

/** The generation that a machine returns to from this content; undefined when it has none. */
export function findFallback(good: Good, content: string): number | undefined {
  return good.find((one) => one.content !== content)?.generation;
}
