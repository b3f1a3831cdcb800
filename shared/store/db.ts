import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { createCustomAttribute } from 'electrodb';
import { GantryError } from '../base/error.ts';

/** The table and the client that reaches it. ElectroDB entities make the parameters; this file sends them. */
export interface Db {
  client: DynamoDBDocumentClient;
  table: string;
}

export const service = 'gantry';

/** Attribute shorthands for entities. */
export const text = { type: 'string', required: true } as const;
export const number = { type: 'number', required: true } as const;
export const flag = { type: 'boolean', required: true } as const;
/** Anything JSON, typed: lists, records and nullable values. */
export const json = <T>() => ({ ...createCustomAttribute<T>(), required: true }) as const;

/** ElectroDB's keys with our readable templates; case is kept, because names and tags are case-sensitive. */
export function key<const C extends readonly string[]>(
  field: string,
  composite: C,
  template: string,
) {
  return {
    field,
    composite: composite as unknown as { -readonly [K in keyof C]: C[K] },
    template,
    casing: 'none',
  } as const;
}

/**
 * What a row of a noun must hold: an entity's attributes are declared with `satisfies Attributes<Noun>`, so that a field
 * which the noun has and the entity forgot is a type error and not a value that is silently dropped.
 */
export type Attributes<Noun> = { [Field in keyof Noun]-?: object } & Record<string, object>;

// biome-ignore lint/suspicious/noExplicitAny: parameters as ElectroDB makes them for the document client
type Params = any;

interface Parses {
  // biome-ignore lint/suspicious/noExplicitAny: ElectroDB's own types of a raw response and of what it makes of it
  parse(response: any): any;
}

/** Reads one item by an entity's `get(…).params()`, strongly consistent; null when there is none. */
export async function read<T>(db: Db, entity: Parses, params: Params): Promise<T | null> {
  const out = await db.client.send(
    new GetCommand({ ...params, TableName: db.table, ConsistentRead: true }),
  );
  return out.Item === undefined ? null : entity.parse({ Item: out.Item }).data;
}

/** Keys in one BatchGetItem, by DynamoDB's own limit. */
const batchKeysMax = 100;

/** Reads items by their `get(…).params()`, strongly consistent, in no order; those that there are not are left out. */
export async function readMany<T>(db: Db, entity: Parses, gets: readonly Params[]): Promise<T[]> {
  const batches = Array.from({ length: Math.ceil(gets.length / batchKeysMax) }, (_, i) =>
    gets.slice(i * batchKeysMax, (i + 1) * batchKeysMax).map(({ Key }) => Key),
  );
  const found = await Promise.all(batches.map((keys) => readBatch(db, keys)));
  return found.flat().map((Item) => entity.parse({ Item }).data);
}

async function readBatch(db: Db, keys: Params[]): Promise<unknown[]> {
  const items: unknown[] = [];
  // Ends: an answer holds 16 MiB, what throttling holds back is left for the next, and an answer without a row throws.
  for (let attempt = 0, left = keys; left.length > 0; attempt++) {
    if (attempt > 0) await sleep(Math.random() * 50 * attempt);
    const RequestItems = { [db.table]: { Keys: left, ConsistentRead: true } };
    const { Responses, UnprocessedKeys } = await db.client.send(
      new BatchGetCommand({ RequestItems }),
    );
    items.push(...(Responses?.[db.table] ?? []));
    left = UnprocessedKeys?.[db.table]?.Keys ?? [];
  }
  return items;
}

/** Reads one page of a query; `limit` items at most. Indexes are eventually consistent. */
export async function query<T>(
  db: Db,
  entity: Parses,
  params: Params,
  limit = 1000,
  newestFirst = false,
): Promise<T[]> {
  const items: unknown[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const out = await db.client.send(
      new QueryCommand({
        ...params,
        TableName: db.table,
        Limit: limit - items.length,
        ScanIndexForward: !newestFirst,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );
    items.push(...(out.Items ?? []));
    start = out.LastEvaluatedKey;
  } while (start !== undefined && items.length < limit);
  return entity.parse({ Items: items }).data;
}

/** Reads a query to its end, a page of at most 1 MB at a time: for lists that memory need not hold. */
export async function* each<T>(db: Db, entity: Parses, params: Params): AsyncGenerator<T> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = {
      ...params,
      TableName: db.table,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    };
    const out = await db.client.send(new QueryCommand(page));
    yield* entity.parse({ Items: out.Items ?? [] }).data;
    start = out.LastEvaluatedKey;
  } while (start !== undefined);
}

/** Sorts before every name and id: where a list begins. Key values may not be empty. */
export const first = '!';

/** Reads a sharded list: every shard from the cursor on, merged by `sortKey`, the first `limit` of them. */
export async function queryShards<T>(
  shards: number,
  limit: number,
  sortKey: (item: T) => string,
  page: (shard: number, limit: number) => Promise<T[]>,
): Promise<T[]> {
  const pages = await Promise.all(Array.from({ length: shards }, (_, shard) => page(shard, limit)));
  return pages
    .flat()
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0))
    .slice(0, limit);
}

/** Due work is platform-wide and spread over this many partitions of an index. */
export const dueShards = 8;

/** Reads due work from every shard, at most `limit` of it in all. */
export async function queryDue<T>(
  limit: number,
  page: (shard: number, limit: number) => Promise<T[]>,
): Promise<T[]> {
  const each = Math.ceil(limit / dueShards);
  return (
    await Promise.all(Array.from({ length: dueShards }, (_, shard) => page(shard, each)))
  ).flat();
}

/** One write of a transaction, with the error that its failed condition means. */
export interface Write {
  item: NonNullable<TransactWriteCommandInput['TransactItems']>[number];
  refuse: () => GantryError;
}

/** Names the row that a write is about: a transaction takes one write a row. */
export function rowOf({ item }: Write): string {
  const { pk, sk } =
    item.Put?.Item ?? item.Update?.Key ?? item.Delete?.Key ?? item.ConditionCheck?.Key ?? {};
  return `${pk} ${sk}`;
}

export const raced = () =>
  new GantryError('conflict', 'the record changed at the same time; read it again and retry');

/** `create` of an entity: must not exist yet. */
export function create(params: Params, refuse: () => GantryError): Write {
  return { item: { Put: params }, refuse };
}

/** `patch`, `update` or `put` of an entity with its own condition. */
export function change(params: Params, refuse: () => GantryError = raced): Write {
  return {
    item: params.UpdateExpression === undefined ? { Put: params } : { Update: params },
    refuse,
  };
}

export function remove(params: Params, refuse: () => GantryError = raced): Write {
  return { item: { Delete: params }, refuse };
}

/** A condition on a row that the transaction does not write: one attribute is what it was read to be. */
export function hold(
  row: { Key: Params; attribute: string; is: unknown },
  refuse: () => GantryError,
): Write {
  const names = {
    ConditionExpression: '#held = :is',
    ExpressionAttributeNames: { '#held': row.attribute },
  };
  const values = { ExpressionAttributeValues: { ':is': row.is } };
  return {
    item: { ConditionCheck: { TableName: undefined, Key: row.Key, ...names, ...values } },
    refuse,
  };
}

/**
 * Writes all or nothing. A failed condition throws that write's named error; a collision with another transaction
 * throws `conflict`, which callers at the edge may retry.
 */
export async function transact(db: Db, writes: Write[]): Promise<void> {
  const items = writes.map(({ item }) => {
    const [[kind, params]] = Object.entries(item) as [[string, Params]];
    return { [kind]: { ...params, TableName: db.table } };
  });
  try {
    await db.client.send(new TransactWriteCommand({ TransactItems: items as never }));
  } catch (error) {
    if (
      !(
        error instanceof TransactionCanceledException ||
        error instanceof ConditionalCheckFailedException
      )
    )
      throw error;
    const reasons =
      error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
    const failed = reasons.findIndex((reason) => reason.Code === 'ConditionalCheckFailed');
    if (failed !== -1) throw writes[failed]?.refuse() ?? raced();
    if (reasons.some((reason) => reason.Code === 'TransactionConflict') || reasons.length === 0)
      throw raced();
    throw error;
  }
}

/**
 * Puts a row by an entity's `create(…).params()` unless it is there: for rows that say the same whoever writes them, and
 * that nothing else is written with.
 */
export async function putIfAbsent(db: Db, params: Params): Promise<void> {
  try {
    await db.client.send(new PutCommand({ ...params, TableName: db.table }));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

/** Removes a row by an entity's `remove(…).params()` if its condition holds, which nothing depends on. */
export async function removeIf(db: Db, params: Params): Promise<void> {
  try {
    await db.client.send(new DeleteCommand({ ...params, TableName: db.table }));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

/**
 * One conditional update outside a transaction, for rows that many workers meet at.
 * @returns the attributes that it changed, as they are now; null when the condition failed
 */
export async function attempt(db: Db, params: Params): Promise<Record<string, unknown> | null> {
  try {
    const update = new UpdateCommand({
      ...params,
      TableName: db.table,
      ReturnValues: 'UPDATED_NEW',
    });
    return (await db.client.send(update)).Attributes ?? {};
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return null;
    throw error;
  }
}

/** A stable shard for a name: lists spread over `shards` partitions of an index. */
export function shardOf(name: string, shards: number): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return (hash >>> 0) % shards;
}
