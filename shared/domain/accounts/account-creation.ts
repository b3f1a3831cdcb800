import { backoff } from '../../base/backoff.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { limits } from '../../base/limits/index.ts';
import type { Account, ApiToken } from './account.ts';

/**
 * creating ─▶ active, which is the account itself
 *     └─────▶ failed, which may be requested again
 */
export const accountStates = ['creating', 'active', 'failed'] as const;

export type AccountState = (typeof accountStates)[number];

/** An account that is not there yet. The row goes when the account is made. */
export interface AccountCreation {
  slug: string;
  name: string;
  state: Exclude<AccountState, 'active'>;
  /** A public offline key (PEM) that may sign the account's roots beside the director key. */
  recovery_key: string | null;
  /** The first admin token, which is valid once the account is made. */
  token: ApiToken;
  /** Its KMS key, once there is one: another attempt makes no second one. */
  director_key_id: string | null;
  attempts: number;
  code: ErrorCode | null;
  message: string | null;
  /** When another attempt is due; while one runs, when it counts as dead. */
  retry_at: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
}

/** What follows from an attempt that failed: another one after a wait, for a day. */
export function failAttempt(
  { attempts, created_at }: Pick<AccountCreation, 'attempts' | 'created_at'>,
  fault: { code: ErrorCode; message: string },
  { now, random }: { now: Date; random: number },
): Pick<AccountCreation, 'state' | 'code' | 'message' | 'retry_at'> {
  const { accountRetrySeconds: base, accountRetryMaxSeconds: cap } = limits;
  const wait = backoff({ attempt: attempts, base, cap, jitter: { share: 0.5, random } });
  const age = now.getTime() - Date.parse(created_at);
  const state = age > limits.accountCreationSeconds * 1000 ? 'failed' : 'creating';

  return { ...fault, state, retry_at: new Date(now.getTime() + wait * 1000).toISOString() };
}

/** An account as callers see it, made or not. */
export interface AccountView {
  slug: string;
  name: string;
  state: AccountState;
  code: ErrorCode | null;
  message: string | null;
  root_sha256: string | null;
  root_version: number | null;
  created_at: string;
}

export function viewAccount({
  slug,
  name,
  root_sha256,
  root_version,
  created_at,
}: Account): AccountView {
  const state = 'active';
  return { slug, name, state, code: null, message: null, root_sha256, root_version, created_at };
}

export function viewCreation(creation: AccountCreation): AccountView {
  const { slug, name, state, code, message, created_at } = creation;
  return { slug, name, state, code, message, root_sha256: null, root_version: null, created_at };
}
