import type { AgentReport } from '../shared/contract/machines/index.ts';
import { moduleLabel } from '../shared/domain/templates/index.ts';
import type { Agent } from './agent.ts';
import { toGantryError } from './failure.ts';
import type { HeldDesiredState } from './fetch/desired-state.ts';
import type { NotReceived } from './fetch/receive.ts';
import { reportNothing, reportUnverified } from './report.ts';
import type { Remark } from './verify/remark.ts';

export interface TickResult {
  report: AgentReport;
  /** Number of the running generation; 0 before the first. */
  generation: number;
  /** The version of each module that the running generation has, for people. */
  versions?: ReadonlyMap<string, string>;
  /**
   * The reason why the tick has no result, such as a desired state that cannot be read. It is
   * thrown after the report is sent.
   */
  error?: unknown;
}

/** The version of each module of a desired state, for people. */
export function versionsOf(
  { config }: Agent,
  { state }: HeldDesiredState['desired'],
): ReadonlyMap<string, string> {
  return new Map(
    state.layers.map(({ account, module, version }) => [
      moduleLabel(config.account, account, module),
      version,
    ]),
  );
}

/** Reports a failure that left nothing to decide, with the saved facts about the running root. */
export function reportFailure(
  agent: Pick<Agent, 'state'>,
  thrown: unknown,
  remarks: readonly Remark[] = [],
): TickResult {
  const { state } = agent;
  const because: NotReceived = {
    kind: 'refused',
    error: toGantryError(thrown, 'The tick failed'),
  };
  const context = { because, remarks };

  return {
    report:
      state.generation === 0
        ? reportNothing(state.applied_version, context)
        : reportUnverified(state, context),
    generation: state.generation,
  };
}
