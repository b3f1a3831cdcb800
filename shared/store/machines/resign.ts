import { Entity } from 'electrodb';
import {
  change,
  type Db,
  dueShards,
  key,
  number,
  query,
  queryDue,
  remove,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';
import { options } from './instance.ts';

/** When a desired state is to be signed again: half its life before it expires. */
const resigns = new Entity(
  {
    model: { entity: 'resign', version: '1', service },
    attributes: { account: text, instance_id: text, shard: number, due_at: text },
    indexes: {
      primary: {
        pk: key('pk', ['account', 'instance_id'], '${account}#instance#${instance_id}'),
        sk: key('sk', [], 'resign'),
      },
      due: {
        index: 'gsi1',
        pk: key('gsi1pk', ['shard'], 'due#resign#${shard}'),
        sk: key(
          'gsi1sk',
          ['due_at', 'account', 'instance_id'],
          '${due_at}#${account}#${instance_id}',
        ),
      },
    },
  } as const,
  options,
);

export function putResign(account: string, instance_id: string, due_at: string): Write {
  return change(
    resigns.put({ account, instance_id, due_at, shard: shardOf(instance_id, dueShards) }).params(),
  );
}

/** Of an instance that is signed for no more. */
export function removeResign(account: string, instance_id: string): Write {
  return remove(resigns.delete({ account, instance_id }).params());
}

export function dueResigns(
  db: Db,
  now: string,
  limit: number,
): Promise<{ account: string; instance_id: string; due_at: string }[]> {
  return queryDue(limit, (shard, each) =>
    query(db, resigns, resigns.query.due({ shard }).lte({ due_at: now }).params(), each),
  );
}
