import { GantryError } from '../../base/error.ts';
import type { AccountCreation } from '../../domain/accounts/index.ts';
import { type Db, type Draft, dueShards, entity, type Write } from '../table/index.ts';

const creations = entity<AccountCreation>()({
  name: 'account_creation',
  attributes: {
    slug: 'text',
    name: 'text',
    state: 'text',
    recovery_key: 'json',
    token: 'json',
    director_key_id: 'json',
    attempts: 'number',
    code: 'json',
    message: 'json',
    retry_at: 'text',
    revision: 'number',
    created_at: 'text',
  },
  // The sweep reads the index of those that are under way.
  derived: { phase: { kind: 'text', of: ({ state }) => state } },
  shards: { count: dueShards, of: ({ slug }) => slug },
  key: { pk: '${slug}#account', sk: 'creation' },
  lists: { due: { index: 'gsi1', pk: 'due#${phase}#account#${shard}', sk: '${retry_at}#${slug}' } },
});

export function getAccountCreation(db: Db, slug: string): Promise<AccountCreation | null> {
  return creations.get(db, { slug });
}

/** Accounts whose next attempt is due, or whose last one died. */
export function dueAccountCreations(
  db: Db,
  now: string,
  limit: number,
): Promise<AccountCreation[]> {
  return creations.due(db, 'due', { phase: 'creating' }, { upTo: now, limit });
}

/** Requests an account; revision 0 for the first time, else over the request that failed. */
export function putAccountCreation(creation: AccountCreation): Write {
  return creations.replace(
    creation,
    () =>
      new GantryError(
        'account_creating',
        `account "${creation.slug}" was requested at the same time`,
        { field: 'slug' },
      ),
  );
}

/** Changes a request; of two concurrent attempts, one gets `conflict`. */
export function updateAccountCreation(
  was: AccountCreation,
  set: Partial<Draft<AccountCreation>>,
): Write {
  return creations.update(was, set);
}

/** Belongs in a transaction with the account. */
export function removeAccountCreation(was: AccountCreation): Write {
  return creations.remove(was);
}
