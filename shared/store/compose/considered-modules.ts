import { Entity } from 'electrodb';
import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import {
  type Attributes,
  change,
  type Db,
  key,
  number,
  query,
  removeIf,
  service,
  shardOf,
  text,
  transact,
} from '../db.ts';

/** A module that is part of every template of the platform is looked up in as many partitions. */
const moduleShards = 4;

/** That a track of a template, in whatever account, was composed after a look at a module: see `noteConsidered`. */
export interface Considered {
  /** `<account>/<name>`, of a module or of a capability that was taken for one. */
  module: string;
  account: string;
  template_id: string;
  track: Track;
  /** Of the composition that it was noted for: see `TemplateComposition`. */
  sequence: number;
}

const considered = new Entity(
  {
    model: { entity: 'considered', version: '1', service },
    attributes: {
      module: text,
      account: text,
      template_id: text,
      track: { type: tracks, required: true },
      sequence: number,
      shard: number,
    } satisfies Attributes<Considered>,
    indexes: {
      // By module in the table itself: the index of a promotion is read consistently.
      primary: {
        pk: key('pk', ['module', 'shard'], 'considered#${module}#${shard}'),
        sk: key('sk', ['account', 'template_id', 'track'], '${account}#${template_id}#${track}'),
      },
      byTemplate: {
        index: 'gsi1',
        pk: key(
          'gsi1pk',
          ['account', 'template_id', 'track'],
          '${account}#considered#${template_id}#${track}',
        ),
        sk: key('gsi1sk', ['module'], '${module}'),
      },
    },
  } as const,
  { table: 'table' },
);

const shardFor = (template_id: string) => shardOf(template_id, moduleShards);

/**
 * Notes the modules that a template is about to be composed of, before they are looked at for the last time. A promotion
 * that was applied before that look is seen by it; one that is applied after it finds these rows. A row too many has a
 * template composed once more than needed. Fails with `conflict` where a newer composition noted the same.
 */
export async function noteConsidered(db: Db, rows: readonly Considered[]): Promise<void> {
  const writes = rows.map((row) =>
    change(
      considered
        .put({ ...row, shard: shardFor(row.template_id) })
        .where(
          ({ sequence }, { notExists, lte }) =>
            `${notExists(sequence)} OR ${lte(sequence, row.sequence)}`,
        )
        .params(),
    ),
  );
  for (let i = 0; i < writes.length; i += transactionWritesMax) {
    await transact(db, writes.slice(i, i + transactionWritesMax));
  }
}

/** DynamoDB's own limit. */
const transactionWritesMax = 100;

/** The templates and tracks, in any account, that were composed after a look at a module. */
export async function templatesConsidering(db: Db, module: string): Promise<Considered[]> {
  const shards = Array.from({ length: moduleShards }, (_, shard) => {
    const params = considered.query.primary({ module, shard }).params();
    return query<Considered>(db, considered, { ...params, ConsistentRead: true }, 1_000_000);
  });
  return (await Promise.all(shards)).flat();
}

/**
 * Removes what was noted for earlier compositions of a template and track than the given one, and is not of its `modules`.
 * What was noted since stays: another worker, or a change that is being checked, is about to rely on it.
 */
export async function forgetConsidered(
  db: Db,
  { account, template_id, track, sequence }: Omit<Considered, 'module'>,
  modules: readonly string[],
): Promise<void> {
  const noted = await query<Considered>(
    db,
    considered,
    considered.query.byTemplate({ account, template_id, track }).params(),
    1_000_000,
  );
  const now = new Set(modules);
  const stale = noted.filter((row) => !now.has(row.module) && row.sequence < sequence);
  await mapConcurrently(stale, limits.storeReadsAtOnce, ({ module }) =>
    removeIf(
      db,
      considered
        .remove({ module, shard: shardFor(template_id), account, template_id, track })
        .where((row, { lt }) => lt(row.sequence, sequence))
        .params(),
    ),
  );
}
