import { randomBytes } from 'node:crypto';
import { backoff } from '../../base/backoff.ts';
import { limits } from '../../base/limits/index.ts';
import {
  budgetShards,
  burstMs,
  hostBudget,
  type Pause,
  pausedAccount,
  pauseMs,
  type Requester,
  resentSeconds,
  shardBudget,
  waitMs,
} from '../../domain/registries/index.ts';
import { type RequestEvent, readPause, type TransportOptions } from '../../registry/index.ts';
import {
  endLease,
  getAccountPause,
  type LeaseAsk,
  pauseAccount,
  pauseHost,
  spendMore,
  takeLease,
} from '../../store/registries/index.ts';
import { enqueue, later, type Messages, type Services } from '../context/index.ts';

/**
 * The demands of each kind of work on a registry. A lease outlives the time-out of its function, so
 * it is dropped only when its worker is dead. `work_s` ends the work before that with an error,
 * even where a body trickles.
 */
export const purposes = {
  poll: { pulls: false, requests: 4, work_s: 90, lease_s: 150 },
  verify: { pulls: true, requests: 8, work_s: 90, lease_s: 150 },
  reverify: { pulls: true, requests: 8, work_s: 90, lease_s: 150 },
  ingest: { pulls: true, requests: 8, work_s: 850, lease_s: 930 },
} as const;
export type Purpose = keyof typeof purposes;

/**
 * A registry's budget, or an account's share of a stage, has no room for the work. Not an error:
 * the caller sends its message again with a delay.
 */
export class BudgetSpent extends Error {
  readonly waitSeconds: number;

  constructor(whose: string, waitSeconds: number) {
    super(`the budget of ${whose} is spent for ${waitSeconds} s`);
    this.waitSeconds = waitSeconds;
  }
}

/** Paces the requests of one piece of work. */
export interface Pace
  extends Required<Pick<TransportOptions, 'beforeRequest' | 'onRequest' | 'signal'>> {
  /**
   * True once the work is further ahead of its budget than the burst allows: it should stop when it
   * can.
   */
  overdrawn(): boolean;
}

/**
 * Runs work within the budget of a registry host, which all workers share. It begins only when
 * there is room. Running work is never stopped; later work waits for the requests that it spends
 * beyond its share. A pause that the registry asks for holds for the account whose credentials
 * caused it, else for all workers.
 * @throws BudgetSpent when there is no room now
 */
export async function withinBudget<T>(
  services: Services,
  { host, ...requester }: Requester & { host: string },
  purpose: Purpose,
  work: (pace: Pace) => Promise<T>,
): Promise<T> {
  const { budgets, allowedPrivateHosts } = services.settings;
  const whole = hostBudget(host, budgets, allowedPrivateHosts);
  const { pulls, requests, work_s, lease_s } = purposes[purpose];
  const budget = shardBudget(whole);
  const nowMs = services.now().getTime();
  const account = pausedAccount(requester);
  if (account !== null) await refusePaused(services, { account, host }, { nowMs, pulls });

  const ask = await takeAnyLease(services, budgetShards(whole), {
    host,
    id: `w${randomBytes(8).toString('hex')}`,
    nowMs,
    untilMs: nowMs + lease_s * 1000,
    priceMs: (requests * 1000) / budget.requests_per_second,
    burstMs: burstMs(budget, requests),
    concurrency: budget.concurrency,
    pulls,
  });

  const meter = new Meter(services, ask, requests, work_s);
  try {
    return await work(meter);
  } finally {
    await endLease(services.db, ask, (meter.left * ask.priceMs) / requests);
    for (const pause of meter.pauses.values()) {
      if (account === null) await pauseHost(services.db, host, budgetShards(whole), pause);
      else await pauseAccount(services.db, { account, host }, pause);
    }
  }
}

/** @throws BudgetSpent while the registry wants no requests with the account's credentials */
async function refusePaused(
  services: Services,
  { account, host }: { account: string; host: string },
  at: { nowMs: number; pulls: boolean },
): Promise<void> {
  const row = await getAccountPause(services.db, account, host);
  const wait = row === null ? 0 : pauseMs(row, at);
  if (wait > 0) throw new BudgetSpent(host, Math.ceil(wait / 1000));
}

/** Takes a lease of the first shard that has room, starting at a random one. */
async function takeAnyLease(
  services: Services,
  shards: number,
  wanted: Omit<LeaseAsk, 'shard'>,
): Promise<LeaseAsk> {
  const start = Math.floor(Math.random() * shards);
  let wait = Number.POSITIVE_INFINITY;

  for (let i = 0; i < shards; i++) {
    const ask = { ...wanted, shard: (start + i) % shards };
    const full = await takeLease(services.db, ask);
    if (full === null) return ask;

    // Only running work delays this, and its end is unknown.
    wait = Math.min(wait, waitMs(full, ask) || limits.budgetWaitSeconds * 1000);
  }

  throw new BudgetSpent(wanted.host, Math.ceil(wait / 1000));
}

class Meter implements Pace {
  /** The number of requests that are paid for. */
  left: number;
  readonly pauses = new Map<Pause['scope'], Pause>();
  readonly signal: AbortSignal;
  readonly #services: Services;
  readonly #ask: LeaseAsk;
  readonly #requests: number;
  #spentUntilMs = 0;

  constructor(services: Services, ask: LeaseAsk, requests: number, workSeconds: number) {
    this.#services = services;
    this.#ask = ask;
    this.#requests = requests;
    this.left = requests;
    this.signal = AbortSignal.timeout(workSeconds * 1000);
  }

  readonly beforeRequest = async (): Promise<void> => {
    if (this.left === 0) {
      this.left = this.#requests;
      this.#spentUntilMs = await spendMore(this.#services.db, this.#ask);
    }
    this.left -= 1;
  };

  readonly onRequest = (event: RequestEvent): void => {
    const pause = readPause(event, this.#services.now().getTime());
    if (pause === null) return;

    const known = this.pauses.get(pause.scope);
    if (known === undefined || known.untilMs < pause.untilMs) this.pauses.set(pause.scope, pause);
  };

  overdrawn(): boolean {
    return this.#spentUntilMs > this.#services.now().getTime() + this.#ask.burstMs;
  }
}

/**
 * Runs a stage's work on a message. If a budget is spent, it sends the message again
 * with a delay and ends this one. The delay is random. Its range grows with each unsuccessful
 * return, so that many waiting messages spread out.
 */
export async function orLater<Stage extends Purpose, Outcome>(
  services: Services,
  stage: Stage,
  message: Messages[Stage],
  work: () => Promise<Outcome>,
): Promise<Outcome | 'put_off'> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;

    const waits = (message.waits ?? 0) + 1;
    await enqueue(services, stage, [{ ...message, waits }], delaySeconds(error, waits));
    return 'put_off';
  }
}

/** The time by which a delayed message has certainly come back. */
export function untilSentAgain(services: Services): string {
  return later(services, resentSeconds);
}

function delaySeconds({ waitSeconds }: BudgetSpent, waits: number): number {
  const { budgetWaitSeconds: base, budgetWaitMaxSeconds: longest } = limits;
  const jitter = { share: 1, random: Math.random() };
  const spread = backoff({ attempt: waits - 1, base, cap: longest / 2, jitter });
  return Math.ceil(Math.min(waitSeconds + spread, longest));
}
