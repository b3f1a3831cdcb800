import { limits } from '../../shared/base/limits/index.ts';
import type { Trial } from './trial.ts';

/** What is known when a machine that boots from its composition has looked at its services. */
export interface RootFacts {
  /** The generation that PID 1 has as its root; undefined where it has another root. */
  booted: number | undefined;
  /** The generation that `current` names. */
  current: number;
  trial: Trial | undefined;
  /** What this tick found; unknown where it could not judge, as without the network. */
  health: 'healthy' | 'unhealthy' | 'unknown';
  /** Whether all that differs from the booted root runs as services, which restart alone. */
  isServicesOnly: boolean;
  /** Why only a whole boot can change the root; undefined when a soft-reboot can. */
  obstacle: string | undefined;
}

export type RootStep =
  | { kind: 'nothing' }
  /** The booted root passed its trial. */
  | { kind: 'accept' }
  /** The booted root is not healthy. */
  | { kind: 'wait'; trial: Trial }
  | { kind: 'soft-reboot'; trial: Trial }
  /** The new root waits for the next boot, which begins its trial. */
  | { kind: 'pending'; trial: Trial; why: string }
  /** The new root failed its trial. */
  | { kind: 'return'; failed: number; to: number };

/**
 * Decides how PID 1's own root follows `current`.
 *
 * | booted root      | trial                        | step                                      |
 * |------------------|------------------------------|-------------------------------------------|
 * | none             | any                          | nothing: it is prepared elsewhere         |
 * | on trial         | healthy                      | accept                                    |
 * | on trial         | health unknown               | nothing                                   |
 * | on trial         | looks left                   | wait                                      |
 * | on trial         | none left                    | return                                    |
 * | `current`        | none                         | nothing                                   |
 * | another          | boots of `current` used up   | return                                    |
 * | another          | else, services differ only   | nothing                                   |
 * | another          | else                         | soft-reboot, or pending                   |
 */
export function decideRoot(facts: RootFacts): RootStep {
  const { booted, current, trial } = facts;
  if (booted === undefined) return { kind: 'nothing' };
  if (trial?.generation === booted) return judgeTrial(facts, trial);
  if (booted === current) return { kind: trial === undefined ? 'nothing' : 'accept' };

  const boots = trial?.generation === current ? trial.boots : 0;
  if (boots >= limits.agentTrialBootsMax) return { kind: 'return', failed: current, to: booted };
  if (facts.isServicesOnly) return { kind: 'nothing' };

  const next = { generation: current, previous: booted, looks: 0 };
  const { obstacle } = facts;
  return obstacle === undefined
    ? { kind: 'soft-reboot', trial: { ...next, boots: boots + 1 } }
    : { kind: 'pending', trial: { ...next, boots }, why: obstacle };
}

function judgeTrial({ health, current }: RootFacts, trial: Trial): RootStep {
  // Another root is wanted already; this one is left anyway.
  if (health === 'healthy' || trial.generation !== current) return { kind: 'accept' };
  if (health === 'unknown') return { kind: 'nothing' };

  const looks = trial.looks + 1;
  return looks < limits.agentTrialLooksMax
    ? { kind: 'wait', trial: { ...trial, looks } }
    : { kind: 'return', failed: trial.generation, to: trial.previous };
}
