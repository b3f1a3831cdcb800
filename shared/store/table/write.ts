import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { GantryError } from '../../base/error.ts';
import type { Row } from './attributes.ts';

/** The table and the client that reaches it. */
export interface Db {
  client: DynamoDBDocumentClient;
  table: string;
  /**
   * Reports a row that a platform-wide list leaves out because it cannot be read. Without it such a
   * row fails the read.
   */
  skipped?: (row: SkippedRow) => void;
}

export interface SkippedRow {
  /** Of the entity. */
  name: string;
  pk: unknown;
  sk: unknown;
  error: Error;
}

/** A condition expression with its names and values. */
interface Conditioned {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Row;
}

export interface PutParams extends Conditioned {
  Item: Row;
}

export interface UpdateParams extends Conditioned {
  Key: Row;
  UpdateExpression: string;
}

export interface DeleteParams extends Conditioned {
  Key: Row;
}

export interface CheckParams extends DeleteParams {
  ConditionExpression: string;
}

/** What one write does, in one of its fields; the table is named when it is sent. */
interface Item {
  Put?: PutParams;
  Update?: UpdateParams;
  Delete?: DeleteParams;
  ConditionCheck?: CheckParams;
}

/** One write of a transaction, with the error that its failed condition means. */
export interface Write {
  item: Item;
  refuse: () => GantryError;
}

/** Names the row that a write is about: a transaction allows one write per row. */
export function rowOf({ item }: Write): string {
  const { pk, sk } =
    item.Put?.Item ?? item.Update?.Key ?? item.Delete?.Key ?? item.ConditionCheck?.Key ?? {};
  return `${pk} ${sk}`;
}

export const raced = () =>
  new GantryError('conflict', 'the record changed at the same time; read it again and retry');

/**
 * Writes all or nothing.
 * @throws the named error of the first write whose condition failed; `conflict` after a collision
 * with another
 *   transaction, which callers at the edge may retry
 */
export async function transact(db: Db, writes: readonly Write[]): Promise<void> {
  const TransactItems = writes.map(({ item }) => addressItem(item, db.table));
  try {
    await db.client.send(new TransactWriteCommand({ TransactItems }));
  } catch (error) {
    throw refusal(error, writes);
  }
}

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

function addressItem(item: Item, TableName: string): TransactItem {
  const { Put, Update, Delete, ConditionCheck } = item;
  return {
    ...(Put && { Put: { ...Put, TableName } }),
    ...(Update && { Update: { ...Update, TableName } }),
    ...(Delete && { Delete: { ...Delete, TableName } }),
    ...(ConditionCheck && { ConditionCheck: { ...ConditionCheck, TableName } }),
  };
}

/** What the failure of a transaction means to its caller. */
function refusal(error: unknown, writes: readonly Write[]): unknown {
  if (error instanceof ConditionalCheckFailedException) return raced();
  if (!(error instanceof TransactionCanceledException)) return error;

  const reasons = error.CancellationReasons ?? [];
  const failed = reasons.findIndex(({ Code }) => Code === 'ConditionalCheckFailed');
  if (failed !== -1) return writes[failed]?.refuse() ?? raced();

  const collided = reasons.some(({ Code }) => Code === 'TransactionConflict');
  return collided || reasons.length === 0 ? raced() : error;
}

/**
 * One write outside a transaction: for rows that many workers meet at, and that nothing else is
 * written with.
 * @returns the attributes that an update changed, as they are now; null when the condition failed
 */
export async function attempt(db: Db, { item }: Write): Promise<Row | null> {
  try {
    return await sendAlone(db, item);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return null;
    throw error;
  }
}

async function sendAlone({ client, table: TableName }: Db, item: Item): Promise<Row> {
  const { Put, Update, Delete } = item;
  if (Update !== undefined) {
    const update = { ...Update, TableName, ReturnValues: 'UPDATED_NEW' } as const;
    return (await client.send(new UpdateCommand(update))).Attributes ?? {};
  }

  if (Put !== undefined) await client.send(new PutCommand({ ...Put, TableName }));
  if (Delete !== undefined) await client.send(new DeleteCommand({ ...Delete, TableName }));
  return {};
}

/** Makes writes unless another worker changed a row first. Returns whether it made them. */
export async function transactUnlessRaced(db: Db, writes: readonly Write[]): Promise<boolean> {
  try {
    await transact(db, writes);
    return true;
  } catch (error) {
    if (error instanceof GantryError && error.code === 'conflict') return false;
    throw error;
  }
}
