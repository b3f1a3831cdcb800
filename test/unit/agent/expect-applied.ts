import { expect } from 'vitest';
import type { World } from './world.ts';

/** Expects that the next tick applies this version, and that the machine is healthy. */
export async function expectApplied(world: World, version: number): Promise<void> {
  const { report } = await world.run();
  expect(report).toMatchObject({
    status: 'applied',
    code: null,
    desired_state_version: version,
    health: 'healthy',
  });
}
