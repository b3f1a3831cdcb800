import type { Agent } from './agent.ts';
import { cleanGenerations } from './apply/generation.ts';
import { toGantryError } from './failure.ts';
import { forgetEarlierRoots } from './fetch/account-roots.ts';
import type { HeldDesiredState } from './fetch/desired-state.ts';
import type { Remark } from './verify/remark.ts';

/** Runs a step that the outcome of a tick does not depend on; a failure becomes a remark. */
export async function attempt(
  step: string,
  remarks: Remark[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const { code, message } = toGantryError(thrown, step);
    // A tick cleans more than once.
    if (remarks.some((remark) => remark.message === message)) return;
    remarks.push({ code, message });
  }
}

/** Removes former generations, and the leftovers of one that was not finished. */
export async function clean({ paths, config, state }: Agent, remarks: Remark[]): Promise<void> {
  const pinned = state.good.map(({ generation }) => generation);
  await attempt('Former generations could not be removed', remarks, () =>
    cleanGenerations(paths, config.writable_paths, pinned),
  );
}

/**
 * Earlier account roots are needed until the desired state here and the running one are signed
 * under the trusted root.
 */
export async function forgetUnneededRoots(
  agent: Agent,
  { root }: HeldDesiredState,
  remarks: Remark[],
): Promise<void> {
  const { roots, paths } = agent;
  if (roots.earlier.length === 0 || root !== roots.trusted) return;

  await attempt('Earlier account roots could not be removed', remarks, async () => {
    agent.roots = await forgetEarlierRoots(roots, paths);
  });
}
