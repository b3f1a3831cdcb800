import { type Db, dueShards, entity, type Write } from '../table/index.ts';

/** When a desired state must be signed again: half its life before it expires. */
export interface Resign {
  account: string;
  instance_id: string;
  due_at: string;
}

const resigns = entity<Resign>()({
  name: 'resign',
  attributes: { account: 'text', instance_id: 'text', due_at: 'text' },
  shards: { count: dueShards, of: ({ instance_id }) => instance_id },
  key: { pk: '${account}#instance#${instance_id}', sk: 'resign' },
  lists: {
    due: { index: 'gsi1', pk: 'due#resign#${shard}', sk: '${due_at}#${account}#${instance_id}' },
  },
});

/** The last word counts: the newest signature decides when the next one is due. */
export function putResign(account: string, instance_id: string, due_at: string): Write {
  return resigns.put({ account, instance_id, due_at });
}

/** For an instance that is not signed for any more. */
export function removeResign(account: string, instance_id: string): Write {
  return resigns.removeWhere({ account, instance_id });
}

export function dueResigns(db: Db, now: string, limit: number): Promise<Resign[]> {
  return resigns.due(db, 'due', {}, { upTo: now, limit });
}
