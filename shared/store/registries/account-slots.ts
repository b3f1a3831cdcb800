import { daySeconds } from '../../base/time.ts';
import type { AccountSlots, SlotAsk } from '../../domain/registries/index.ts';
import { attempt, type Db, entity, entry, fewerThan } from '../table/index.ts';

/** The work of one account that runs in one stage: one row, whose writes state their condition. */
interface StoredSlots extends AccountSlots {
  /** Seconds since 1970: DynamoDB removes the row some time after it. */
  ttl: number;
}

const slots = entity<StoredSlots>()({
  name: 'account-slots',
  attributes: { account: 'text', stage: 'text', leases: 'json', ttl: 'number' },
  key: { pk: '${account}#slots#${stage}', sk: 'slots' },
});

/** Takes a place of an account in a stage. Returns whether one was free. */
export async function takeSlot(db: Db, ask: SlotAsk): Promise<boolean> {
  const { account, stage, id, nowMs, untilMs, most } = ask;
  const key = { account, stage };
  const ttl = Math.ceil(untilMs / 1000) + daySeconds;

  for (;;) {
    const take = { set: { ttl }, putEntries: { leases: { [id]: untilMs } } };
    if (await attempt(db, slots.adjust(key, take, { leases: fewerThan(most) }))) return true;

    const row = await slots.get(db, key);
    if (row === null) {
      await attempt(db, slots.create({ ...key, leases: {}, ttl }));
      continue;
    }

    const dead = Object.entries(row.leases).filter(([, until]) => until <= nowMs);
    if (dead.length === 0 && Object.keys(row.leases).length >= most) return false;

    for (const [lease, until] of dead) {
      const drop = { dropEntries: { leases: [lease] } };
      await attempt(db, slots.adjust(key, drop, { leases: entry(lease, until) }));
    }
  }
}

/** Frees a place. Does nothing for work that was taken for dead. */
export async function endSlot(db: Db, { account, stage, id }: SlotAsk): Promise<void> {
  const end = { dropEntries: { leases: [id] } };
  await attempt(db, slots.adjust({ account, stage }, end, { leases: entry(id) }));
}
