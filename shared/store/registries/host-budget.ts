import { Entity } from 'electrodb';
import { type BudgetRow, type Pause, waitMs } from '../../domain/registries/index.ts';
import {
  type Attributes,
  attempt,
  type Db,
  json,
  key,
  number,
  putIfAbsent,
  read,
  service,
  text,
} from '../db.ts';

/**
 * The budget of a registry host: one row a shard, platform-wide. Every write is one atomic update that states its
 * condition, so that workers who meet here neither wait for nor undo each other. A row that nobody needs for a while goes.
 */
const budgets = new Entity(
  {
    model: { entity: 'host-budget', version: '1', service },
    attributes: {
      host: text,
      shard: number,
      spent_until: number,
      paused_until: number,
      pulls_paused_until: number,
      leases: { ...json<Record<string, number>>(), required: false },
      /** Seconds since 1970: DynamoDB removes the row some time after it. */
      ttl: number,
    } satisfies Attributes<BudgetRow>,
    indexes: {
      primary: {
        pk: key('pk', ['host', 'shard'], 'host-budget#${host}#${shard}'),
        sk: key('sk', [], 'host-budget'),
      },
    },
  } as const,
  { table: 'table' },
);

const keptSeconds = 7 * 24 * 3600;
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
  for (;;) {
    // A host at rest starts its account anew from now; a busy one goes on from where it is.
    if (await begin(db, ask, 'idle')) return null;
    if (await begin(db, ask, 'busy')) return null;
    const { host, shard, nowMs } = ask;
    const row = await read<BudgetRow>(db, budgets, budgets.get({ host, shard }).params());
    if (row === null) {
      await openAccount(db, host, shard, nowMs);
      continue;
    }
    const dead = Object.entries(row.leases).filter(([, until]) => until <= nowMs);
    const { burstMs, pulls, concurrency } = ask;
    const full =
      waitMs(row, nowMs, burstMs, pulls, 0) > 0 || Object.keys(row.leases).length >= concurrency;
    // Not full: others were at it at the same time, and are done.
    if (full && dead.length === 0) return row;
    for (const [lease, until] of dead) await dropDead(db, ask, lease, until);
  }
}

function begin(db: Db, ask: LeaseAsk, state: 'idle' | 'busy') {
  const { host, shard, nowMs, priceMs } = ask;
  return attempt(
    db,
    budgets
      .patch({ host, shard })
      .data(({ spent_until, leases, ttl }, { set, add }) => {
        if (state === 'idle') set(spent_until, nowMs + priceMs);
        else add(spent_until, priceMs);
        set((leases as never)[ask.id], ask.untilMs as never);
        set(ttl, ttlOf(nowMs));
      })
      .where(
        (
          { spent_until, paused_until, pulls_paused_until, leases },
          { lt, lte, between, size, value },
        ) =>
          [
            state === 'idle'
              ? lt(spent_until, nowMs)
              : between(spent_until, nowMs, nowMs + ask.burstMs),
            lte(paused_until, nowMs),
            ...(ask.pulls ? [lte(pulls_paused_until, nowMs)] : []),
            `${size(leases as never)} < ${value(spent_until, ask.concurrency)}`,
          ].join(' AND '),
      )
      .params(),
  );
}

/** A host that nobody asked for a while has no row. */
function openAccount(db: Db, host: string, shard: number, nowMs: number): Promise<void> {
  const none = { host, shard, spent_until: 0, paused_until: 0, pulls_paused_until: 0, leases: {} };
  return putIfAbsent(db, budgets.create({ ...none, ttl: ttlOf(nowMs) } as never).params());
}

/** The worker that held it died: its place is free, what it paid for is spent. */
function dropDead(db: Db, { host, shard }: LeaseAsk, lease: string, until: number) {
  return attempt(
    db,
    budgets
      .patch({ host, shard })
      .data(({ leases }, { remove }) => remove((leases as never)[lease]))
      .where(({ leases }, { eq }) => eq((leases as never)[lease], until as never))
      .params(),
  );
}

/** Pays for more of what has begun, whatever the state of the account. @returns `spent_until` after it */
export async function spendMore(
  db: Db,
  { host, shard, nowMs, priceMs }: LeaseAsk,
): Promise<number> {
  const changed = await attempt(
    db,
    budgets
      .patch({ host, shard })
      .data(({ spent_until }, { add }) => add(spent_until, priceMs))
      .params(),
  );
  return changed === null ? nowMs : Number(changed.spent_until);
}

/** Ends a lease and gives back what was paid for and not used. Does nothing for one that was taken for dead. */
export async function endLease(
  db: Db,
  { host, shard, id }: LeaseAsk,
  unusedMs: number,
): Promise<void> {
  await attempt(
    db,
    budgets
      .patch({ host, shard })
      .data(({ spent_until, leases }, { subtract, remove }) => {
        if (unusedMs > 0) subtract(spent_until, unusedMs);
        remove((leases as never)[id]);
      })
      .where(({ leases }, { exists }) => exists((leases as never)[id]))
      .params(),
  );
}

/** Notes a registry's wish to be left alone; a later one that is shorter does not shorten it. */
export async function pauseHost(
  db: Db,
  host: string,
  shards: number,
  { scope, untilMs }: Pause,
): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const write = () =>
      attempt(
        db,
        budgets
          .patch({ host, shard })
          .data(({ paused_until, pulls_paused_until }, { set }) =>
            set(scope === 'all' ? paused_until : pulls_paused_until, untilMs),
          )
          .where(({ paused_until, pulls_paused_until }, { lt }) =>
            lt(scope === 'all' ? paused_until : pulls_paused_until, untilMs),
          )
          .params(),
      );
    if (await write()) continue;
    await openAccount(db, host, shard, untilMs);
    await write();
  }
}
