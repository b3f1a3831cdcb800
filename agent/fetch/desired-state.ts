import type { Metadata, Root } from '@tufjs/models';
import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { dayMs } from '../../shared/base/time.ts';
import { type VerifiedDesiredState, verifyDesiredState } from '../../shared/director/index.ts';
import type { Agent } from '../agent.ts';
import type { AgentState } from '../state.ts';
import { directorKeysOf, verifyByAnyRoot } from './account-roots.ts';
import type { Clock } from './clock.ts';

/** A desired state that is on this machine and that the account signed for it. */
export interface HeldDesiredState {
  bytes: Buffer;
  desired: VerifiedDesiredState;
  /**
   * The account root that verified it: the trusted one, or one that was trusted when it arrived.
   */
  root: Metadata<Root>;
}

/**
 * Verifies a desired state by one account root: signature, account, instance, version, expiry.
 *
 * @throws a `desired_state_…` code; `clock_skew` if only this machine's clock says that it expired.
 * Then the clock must be set first.
 */
export function verifyBy(
  root: Metadata<Root>,
  bytes: Buffer,
  { config, state, clock }: Agent,
): VerifiedDesiredState {
  const { account, instance } = config;
  const lastVersion = seenVersion(root, state);
  const verifyAt = (now: Date) =>
    verifyDesiredState(bytes, { root, account, instance, lastVersion, now });

  try {
    return verifyAt(clock.latest());
  } catch (error) {
    const mayBeSkew = clock.skew !== undefined && clock.aheadMs >= 0;
    if (!mayBeSkew || !isGantryError(error, 'desired_state_expired')) throw error;

    verifyAt(clock.server());
    throw new GantryError('clock_skew', error.message, { cause: error });
  }
}

/**
 * Verifies again the desired state that a generation was made from. Its age and version were
 * checked when it was applied. This checks only that the account signed it for this machine.
 *
 * @throws a `desired_state_…` code.
 */
export function verifyApplied(bytes: Buffer, { roots, config }: Agent): HeldDesiredState {
  const { account, instance } = config;
  const rules = { account, instance, lastVersion: 0, now: new Date(0) };

  return verifyByAnyRoot(roots, (root) => ({
    bytes,
    desired: verifyDesiredState(bytes, { ...rules, root }),
    root,
  }));
}

/**
 * The highest version that was seen of a root's director keys. Versions of other keys do not count:
 * otherwise a thief of a key could use up all versions, and its rotation would not help (TUF
 * 1.0.34, section 5.3.11).
 */
export function seenVersion(root: Metadata<Root>, { seen_by, seen_version }: AgentState): number {
  return seen_by === directorKeysOf(root) ? seen_version : 0;
}

/**
 * Limits how long a stolen director key stays useful, because a verified desired state is valid
 * until it expires, even after the key was replaced. Judged by the control plane's time, because
 * this machine's clock may be years behind.
 *
 * @throws `desired_state_invalid` when it expires too late.
 */
export function requireUsualLife({ expires, version }: VerifiedDesiredState, clock: Clock): void {
  const latest = clock.server().getTime() + (limits.desiredStateDays + 1) * dayMs;
  if (expires.getTime() <= latest) return;

  throw new GantryError(
    'desired_state_invalid',
    `Desired state ${version} lives too long: expected at most ${limits.desiredStateDays} days, found expiry at ${expires.toISOString()}.`,
    { expected: new Date(latest).toISOString(), found: expires.toISOString() },
  );
}

/**
 * True if an error says that a desired state must not be applied; false if it says that something
 * broke.
 */
export function isRefusal(error: unknown): error is GantryError {
  return isGantryError(
    error,
    'desired_state_signature_invalid',
    'desired_state_version_rollback',
    'desired_state_expired',
    'clock_skew',
    'desired_state_foreign',
    'desired_state_invalid',
    'agent_too_old',
    'root_untrusted',
    'layer_mismatch',
    'composition_mismatch',
    'signature_refused',
    'instance_metadata_missing',
  );
}
