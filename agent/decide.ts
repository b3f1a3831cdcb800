import { isDeepStrictEqual } from 'node:util';
import { readGeneratedFormat } from '../shared/contract/reconcile/index.ts';
import type { VerifiedDesiredState } from '../shared/director/index.ts';
import type { Running } from './apply/running.ts';
import type { HeldDesiredState } from './fetch/desired-state.ts';
import type { NotReceived, Received } from './fetch/receive.ts';

/** The next step of a tick. */
export type Action =
  /** Verify the desired state, lay it out and switch to it. */
  | { kind: 'apply'; wanted: HeldDesiredState }
  /** Compare the running root with a desired state of the same content, and repair it. */
  | { kind: 'inspect'; running: Running; held: HeldDesiredState; because?: NotReceived }
  /** Only report: nothing runs, and there is nothing to apply. */
  | { kind: 'report'; because: NotReceived };

/**
 * Decides the next step from what was received and what runs. After a failed apply, the agent
 * decides again as if the desired state had been refused for that reason.
 *
 * | received               | runs nothing | runs other content | runs the same content          |
 * |------------------------|--------------|--------------------|--------------------------------|
 * | new, same              | apply        | apply              | inspect, by what was received  |
 * | refused, unreachable   | report       | inspect            | inspect                        |
 */
export function decide(received: Received, running: Running | undefined): Action {
  switch (received.kind) {
    case 'new':
    case 'same': {
      const { held } = received;
      return running !== undefined && hasSameContent(held.desired, running.desired)
        ? { kind: 'inspect', running, held }
        : { kind: 'apply', wanted: held };
    }
    case 'refused':
    case 'unreachable':
      return running === undefined
        ? { kind: 'report', because: received }
        : { kind: 'inspect', running, held: running, because: received };
  }
}

/** A desired state that was only signed again asks for no new root. */
function hasSameContent(a: VerifiedDesiredState, b: VerifiedDesiredState): boolean {
  return isDeepStrictEqual(contentOf(a), contentOf(b));
}

/** Desired states of older releases do not state the format. */
function contentOf({ state, image }: VerifiedDesiredState): unknown {
  return { ...state, generated_format: readGeneratedFormat(state), image };
}
