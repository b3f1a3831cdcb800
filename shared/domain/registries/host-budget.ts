import { limits } from '../../base/limits/index.ts';
import { ownValue } from '../../base/own-value.ts';
import { parseAllowList } from './address.ts';

/**
 * How much all workers of a deployment together may ask one registry host. Requests are paced by
 * the generic cell rate algorithm (ITU-T I.371): `spent_until` is the time until which past
 * requests are paid for. Each request moves it on by its price. Work may begin while that time is
 * at most the burst ahead of the clock.
 */
export interface HostBudget {
  requests_per_second: number;
  /** Pieces of work (a poll, a verification, an ingest) that run concurrently. */
  concurrency: number;
}

/** The state of one host's budget, or of one shard of it. Times are milliseconds since 1970. */
export interface BudgetRow {
  host: string;
  shard: number;
  spent_until: number;
  /** The registry asked for no requests before this time. */
  paused_until: number;
  /** Manifests and blobs are not read before this time; lists of tags and HEAD are free. */
  pulls_paused_until: number;
  /** Running work by id, with the time after which it counts as dead. */
  leases: Record<string, number>;
}

/** A registry's request for a pause, for all requests or only for pulls. */
export interface Pause {
  scope: 'all' | 'pulls';
  untilMs: number;
}

/**
 * Registries of the internet. None was seen to refuse this much from a client with some hundred
 * repositories.
 */
const publicBudget: HostBudget = { requests_per_second: 20, concurrency: 8 };
/** Registries at an allow-listed private address are the operator's own. */
const privateBudget: HostBudget = { requests_per_second: 500, concurrency: 32 };
/** Docker Hub refuses addresses that send more than some hundred requests a minute, of any kind. */
const knownBudgets: Record<string, HostBudget> = {
  'docker.io': { requests_per_second: 3, concurrency: 4 },
};

/**
 * The budget of a host (with port): the operator's setting, else a known one, else a careful
 * default.
 * @param configured budgets by host, as the deployment's setting has them
 * @param privateHosts what an operator allow-listed, as `parseAllowList` reads it
 */
export function hostBudget(
  host: string,
  configured: Readonly<Record<string, HostBudget>>,
  privateHosts: readonly string[],
): HostBudget {
  const name = host.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
  return (
    ownValue(configured, host) ??
    ownValue(knownBudgets, host) ??
    (parseAllowList(privateHosts).lists(name) ? privateBudget : publicBudget)
  );
}

/**
 * What may be asked in one burst after a pause: two seconds' worth, and at least what one piece of
 * work needs.
 */
export function burstMs({ requests_per_second }: HostBudget, requests: number): number {
  return Math.max(2000, (requests * 1000) / requests_per_second);
}

/**
 * Rows over which a host's budget is spread: each lease writes its row twice, and a partition takes
 * 1,000 a second.
 */
export function budgetShards({ requests_per_second }: HostBudget): number {
  return Math.max(1, Math.ceil(requests_per_second / 125));
}

/** The share of a budget that one of its shards has. */
export function shardBudget(budget: HostBudget): HostBudget {
  const shards = budgetShards(budget);
  return {
    requests_per_second: budget.requests_per_second / shards,
    concurrency: Math.max(1, Math.floor(budget.concurrency / shards)),
  };
}

/**
 * Milliseconds until a budget may have room again for work, which may begin `burstMs` ahead of what
 * is spent; 0 if only running work can delay it.
 */
export function waitMs(
  row: BudgetRow,
  { nowMs, burstMs, pulls }: { nowMs: number; burstMs: number; pulls: boolean },
): number {
  return Math.max(pauseMs(row, { nowMs, pulls }), row.spent_until - burstMs - nowMs);
}

/** The pauses that a registry asked for. */
type Pauses = Pick<BudgetRow, 'paused_until' | 'pulls_paused_until'>;

/** Milliseconds until the pauses that a registry asked for are over. */
export function pauseMs(
  { paused_until, pulls_paused_until }: Pauses,
  { nowMs, pulls }: { nowMs: number; pulls: boolean },
): number {
  return Math.max(paused_until - nowMs, pulls ? pulls_paused_until - nowMs : 0, 0);
}

/**
 * Returns whom a pause stops. A registry counts requests by credentials, so a pause that one
 * account's own credentials caused stops that account alone. Requests without them are counted by
 * address, which all accounts share: null, the whole host.
 */
export function pausedAccount({ account, credentials }: Requester): string | null {
  return credentials === 'own' ? account : null;
}

/** For whom a registry is asked: ECR's token is the platform's, not the account's. */
export interface Requester {
  account: string;
  credentials: 'own' | 'platform' | 'none';
}

/** What one account's credentials may not ask a host for now. */
export interface AccountPause extends Pauses {
  host: string;
  account: string;
}

/** How long a message may be delayed after its registry's budget was spent. */
export const resentSeconds = limits.budgetWaitMaxSeconds + limits.pollClaimSeconds;

/**
 * `ghcr.io=50:16, registry.example.com:5000=200:32`: host, requests a second, concurrent pieces of
 * work. Null: malformed.
 */
export function parseHostBudgets(text: string): Record<string, HostBudget> | null {
  const budgets: Record<string, HostBudget> = {};
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;

    const match = /^([^=\s]+)=([0-9]{1,5}):([0-9]{1,3})$/.exec(part);
    const [, host = '', rate, concurrency] = match ?? [];
    if (!match || Number(rate) === 0 || Number(concurrency) === 0) return null;

    budgets[host] = { requests_per_second: Number(rate), concurrency: Number(concurrency) };
  }

  return budgets;
}
