import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { absent, atMost, attempt, below, type Db, entity, transact } from '../table/index.ts';

/**
 * States that a track of a template, of any account, was composed after a look at a module: see
 * `noteConsidered`.
 */
export interface Considered {
  /** `<account>/<name>`, of a module or of a capability that was taken for one. */
  module: string;
  account: string;
  template_id: string;
  track: Track;
  /** Revision of the composition that it was noted for: see `TemplateComposition`. */
  sequence: number;
}

const considered = entity<Considered>()({
  name: 'considered',
  attributes: {
    module: 'text',
    account: 'text',
    template_id: 'text',
    track: 'text',
    sequence: 'number',
  },
  // A module may be part of every template of the platform.
  shards: { count: 4, of: ({ template_id }) => template_id },
  // By module in the table itself: a promotion must read these rows consistently.
  key: { pk: 'considered#${module}#${shard}', sk: '${account}#${template_id}#${track}' },
  lists: {
    byTemplate: {
      index: 'gsi1',
      pk: '${account}#considered#${template_id}#${track}',
      sk: '${module}',
    },
  },
});

/**
 * Notes the modules that a template is about to be composed of, before they are looked at for the
 * last time. A promotion that was applied before that look is seen by it; one that is applied later
 * finds these rows. A row too many has a template composed once more than needed. Fails with
 * `conflict` where a newer composition noted the same.
 */
export async function noteConsidered(db: Db, rows: readonly Considered[]): Promise<void> {
  const writes = rows.map((row) =>
    considered.put(row, [{ sequence: absent }, { sequence: atMost(row.sequence) }]),
  );
  for (let i = 0; i < writes.length; i += transactionWritesMax) {
    await transact(db, writes.slice(i, i + transactionWritesMax));
  }
}

/** DynamoDB's own limit. */
const transactionWritesMax = 100;

/** Every template and track, of any account, that was composed after a look at a module. */
export function templatesConsidering(db: Db, module: string): Promise<Considered[]> {
  return considered.all(db, 'primary', { module });
}

/**
 * Removes the notes for earlier compositions of a template and track than the given one that are
 * not of its `modules`. Newer notes stay: another worker, or a change that is being checked, is
 * about to rely on them.
 */
export async function forgetConsidered(
  db: Db,
  composition: Omit<Considered, 'module'>,
  modules: readonly string[],
): Promise<void> {
  const { sequence } = composition;
  const noted = await considered.all(db, 'byTemplate', composition);
  const now = new Set(modules);
  const stale = noted.filter((row) => !now.has(row.module) && row.sequence < sequence);

  await mapConcurrently(stale, limits.storeReadsAtOnce, (row) =>
    attempt(db, considered.removeWhere(row, { sequence: below(sequence) })),
  );
}
