import { daySeconds } from '../../base/time.ts';
import {
  type AccountPause,
  type BudgetRow,
  type Pause,
  waitMs,
} from '../../domain/registries/index.ts';
import {
  atMost,
  attempt,
  below,
  between,
  type Db,
  entity,
  entry,
  fewerThan,
} from '../table/index.ts';

/**
 * The budget of a registry host: one row a shard, platform-wide. Every write is one atomic update
 * that states its condition, so that concurrent workers neither wait for nor undo each other. A row
 * that is not used for a while expires.
 */
interface StoredBudget extends BudgetRow {
  /** Seconds since 1970: DynamoDB removes the row some time after it. */
  ttl: number;
}

const budgets = entity<StoredBudget>()({
  name: 'host-budget',
  attributes: {
    host: 'text',
    shard: 'number',
    spent_until: 'number',
    paused_until: 'number',
    pulls_paused_until: 'number',
    leases: 'json',
    ttl: 'number',
  },
  key: { pk: 'host-budget#${host}#${shard}', sk: 'host-budget' },
});

/** The pauses of one account at a host, with the life of a budget's row. */
const accountPauses = entity<AccountPause & Pick<StoredBudget, 'ttl'>>()({
  name: 'account-pause',
  attributes: {
    host: 'text',
    account: 'text',
    paused_until: 'number',
    pulls_paused_until: 'number',
    ttl: 'number',
  },
  key: { pk: '${account}#registry-pause#${host}', sk: 'registry-pause' },
});

const keptSeconds = 7 * daySeconds;
const ttlOf = (nowMs: number) => Math.ceil(nowMs / 1000) + keptSeconds;

/** What a piece of work asks for when it begins. Times in milliseconds. */
export interface LeaseAsk {
  host: string;
  shard: number;
  /** Letters and digits, a letter first: a number would mean a place in a list. */
  id: string;
  nowMs: number;
  /** When the work is taken for dead. */
  untilMs: number;
  /** The price of the requests that are paid for with it. */
  priceMs: number;
  burstMs: number;
  concurrency: number;
  pulls: boolean;
}

/** Takes a lease. @returns null when it was granted, else the row that has no room */
export async function takeLease(db: Db, ask: LeaseAsk): Promise<BudgetRow | null> {
  const { host, shard, nowMs, concurrency } = ask;
  for (;;) {
    // A host at rest starts its account from now; a busy one continues from where it is.
    if (await begin(db, ask, 'idle')) return null;
    if (await begin(db, ask, 'busy')) return null;

    const row = await budgets.get(db, { host, shard });
    if (row === null) {
      await openAccount(db, host, shard, nowMs);
      continue;
    }

    const dead = Object.entries(row.leases).filter(([, until]) => until <= nowMs);
    const full = waitMs(row, ask) > 0 || Object.keys(row.leases).length >= concurrency;
    // Not full: concurrent workers filled it a moment ago, and are done.
    if (full && dead.length === 0) return row;

    for (const [lease, until] of dead) await dropDead(db, ask, lease, until);
  }
}

function begin(db: Db, ask: LeaseAsk, state: 'idle' | 'busy') {
  const { host, shard, nowMs, priceMs, burstMs } = ask;
  const ttl = ttlOf(nowMs);
  const spend =
    state === 'idle'
      ? { set: { spent_until: nowMs + priceMs, ttl } }
      : { set: { ttl }, add: { spent_until: priceMs } };

  const write = budgets.adjust(
    { host, shard },
    { ...spend, putEntries: { leases: { [ask.id]: ask.untilMs } } },
    {
      spent_until: state === 'idle' ? below(nowMs) : between(nowMs, nowMs + burstMs),
      paused_until: atMost(nowMs),
      ...(ask.pulls ? { pulls_paused_until: atMost(nowMs) } : {}),
      leases: fewerThan(ask.concurrency),
    },
  );

  return attempt(db, write);
}

/** A host that was not asked for a while has no row. */
async function openAccount(db: Db, host: string, shard: number, nowMs: number): Promise<void> {
  const none = { host, shard, spent_until: 0, paused_until: 0, pulls_paused_until: 0, leases: {} };
  await attempt(db, budgets.create({ ...none, ttl: ttlOf(nowMs) }));
}

/** The worker that held the lease died: its place is free, what it paid for is spent. */
function dropDead(db: Db, { host, shard }: LeaseAsk, lease: string, until: number) {
  const drop = { dropEntries: { leases: [lease] } };
  return attempt(db, budgets.adjust({ host, shard }, drop, { leases: entry(lease, until) }));
}

/**
 * Pays for more requests of work that has begun, whatever the state of the account. @returns
 * `spent_until` after it
 */
export async function spendMore(
  db: Db,
  { host, shard, nowMs, priceMs }: LeaseAsk,
): Promise<number> {
  const more = budgets.adjust({ host, shard }, { add: { spent_until: priceMs } });
  const changed = await attempt(db, more);
  return changed === null ? nowMs : Number(changed.spent_until);
}

/**
 * Ends a lease and gives back what was paid for and not used. Does nothing for one that was taken
 * for dead.
 */
export async function endLease(
  db: Db,
  { host, shard, id }: LeaseAsk,
  unusedMs: number,
): Promise<void> {
  const refund = unusedMs > 0 ? { add: { spent_until: -unusedMs } } : {};
  const end = { ...refund, dropEntries: { leases: [id] } };
  await attempt(db, budgets.adjust({ host, shard }, end, { leases: entry(id) }));
}

/** Notes a registry's wish to be left alone; a shorter one that comes later does not shorten it. */
export async function pauseHost(
  db: Db,
  host: string,
  shards: number,
  { scope, untilMs }: Pause,
): Promise<void> {
  const field = scope === 'all' ? 'paused_until' : 'pulls_paused_until';
  for (let shard = 0; shard < shards; shard++) {
    const pause = budgets.adjust(
      { host, shard },
      { set: { [field]: untilMs } },
      { [field]: below(untilMs) },
    );

    if (await attempt(db, pause)) continue;
    await openAccount(db, host, shard, untilMs);
    await attempt(db, pause);
  }
}

export function getAccountPause(
  db: Db,
  account: string,
  host: string,
): Promise<AccountPause | null> {
  return accountPauses.get(db, { account, host });
}

/** As `pauseHost`, for the requests of one account. */
export async function pauseAccount(
  db: Db,
  { account, host }: Pick<AccountPause, 'account' | 'host'>,
  { scope, untilMs }: Pause,
): Promise<void> {
  const field = scope === 'all' ? 'paused_until' : 'pulls_paused_until';
  const ttl = ttlOf(untilMs);
  const key = { account, host };
  const pause = accountPauses.adjust(
    key,
    { set: { [field]: untilMs, ttl } },
    { [field]: below(untilMs) },
  );

  if (await attempt(db, pause)) return;
  const none = { ...key, paused_until: 0, pulls_paused_until: 0, ttl };
  await attempt(db, accountPauses.create(none));
  await attempt(db, pause);
}
