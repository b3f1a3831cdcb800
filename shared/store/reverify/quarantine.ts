import { Entity } from 'electrodb';
import type { QuarantineBudget } from '../../domain/reverify/index.ts';
import {
  type Attributes,
  change,
  type Db,
  json,
  key,
  number,
  read,
  service,
  text,
  type Write,
} from '../db.ts';

const budgets = new Entity(
  {
    model: { entity: 'quarantine', version: '1', service },
    attributes: {
      account: text,
      count: number,
      window_started_at: text,
      asked_at: json<string | null>(),
      granted_until: json<string | null>(),
      revision: number,
    } satisfies Attributes<QuarantineBudget>,
    indexes: {
      primary: {
        pk: key('pk', ['account'], '${account}#quarantine'),
        sk: key('sk', [], 'quarantine'),
      },
    },
  } as const,
  { table: 'table' },
);

export function getQuarantineBudget(db: Db, account: string): Promise<QuarantineBudget | null> {
  return read(db, budgets, budgets.get({ account }).params());
}

/** Replaces the budget, if it still has the revision with which it was read. */
export function putQuarantineBudget(budget: QuarantineBudget): Write {
  const { revision: was } = budget;
  return change(
    budgets
      .put({ ...budget, revision: was + 1 } as never)
      .where(({ revision }, { eq, notExists }) =>
        was === 0 ? notExists(revision) : eq(revision, was),
      )
      .params(),
  );
}
