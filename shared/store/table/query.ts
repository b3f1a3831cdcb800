import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetCommand, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Row } from './attributes.ts';
import type { Db } from './write.ts';

export interface QueryParams {
  IndexName?: string;
  KeyConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Row;
  ProjectionExpression?: string;
}

/** Reads one item, strongly consistent; undefined when there is none. */
export async function readItem({ client, table }: Db, Key: Row): Promise<Row | undefined> {
  const get = new GetCommand({ Key, TableName: table, ConsistentRead: true });
  return (await client.send(get)).Item;
}

/** Keys in one BatchGetItem, by DynamoDB's own limit. */
const batchKeysMax = 100;

/** Reads items, strongly consistent, in no order; missing ones are left out. */
export async function readItems(db: Db, keys: readonly Row[]): Promise<Row[]> {
  const batches = Array.from({ length: Math.ceil(keys.length / batchKeysMax) }, (_, i) =>
    keys.slice(i * batchKeysMax, (i + 1) * batchKeysMax),
  );
  return (await Promise.all(batches.map((batch) => readBatch(db, batch)))).flat();
}

async function readBatch({ client, table }: Db, keys: Row[]): Promise<Row[]> {
  const items: Row[] = [];
  // Ends: a response holds 16 MiB, throttled keys are left for the next one, and a response without
  // any item throws.
  for (let attempt = 0, left = keys; left.length > 0; attempt++) {
    if (attempt > 0) await sleep(Math.random() * 50 * attempt);
    const RequestItems = { [table]: { Keys: left, ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = await client.send(new BatchGetCommand({ RequestItems }));

    items.push(...(Responses?.[table] ?? []));
    left = UnprocessedKeys?.[table]?.Keys ?? [];
  }

  return items;
}

/** Reads the first `limit` items of a query. */
export async function firstItems(
  db: Db,
  params: QueryParams,
  limit: number,
  newestFirst = false,
): Promise<Row[]> {
  const items: Row[] = [];
  for await (const page of pages(db, params, newestFirst, limit)) {
    items.push(...page);
    if (items.length >= limit) break;
  }

  return items.slice(0, limit);
}

/**
 * Reads a query to its end, a page of at most 1 MB at a time. The table itself is read
 * consistently, its indexes cannot be.
 * @param pageItems a bound of the items of a page, for queries that are read in part
 */
export async function* pages(
  { client, table }: Db,
  params: QueryParams,
  newestFirst = false,
  pageItems?: number,
): AsyncGenerator<Row[]> {
  let start: Row | undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        ...params,
        TableName: table,
        ConsistentRead: params.IndexName === undefined,
        ScanIndexForward: !newestFirst,
        ...(pageItems === undefined ? {} : { Limit: pageItems }),
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );

    yield page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

/** A stable shard for a name: lists spread over `shards` partitions of an index. */
export function shardOf(name: string, shards: number): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return (hash >>> 0) % shards;
}
