import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listNearest } from '../../base/nearest.ts';
import type { Account } from '../../domain/accounts/index.ts';
import type { Category } from '../../domain/modules/index.ts';
import { absent, below, type Db, type Draft, entity, type Write } from '../table/index.ts';

const accounts = entity<Account>()({
  name: 'account',
  attributes: {
    slug: 'text',
    name: 'text',
    director_key_id: 'text',
    root_sha256: 'text',
    root_version: 'number',
    polled_modules: 'number',
    revision: 'number',
    created_at: 'text',
  },
  key: { pk: '${slug}#account', sk: 'account' },
  lists: { bySlug: { index: 'gsi1', pk: 'accounts', sk: '${slug}' } },
});

const categories = entity<Category>()({
  name: 'category',
  attributes: {
    account: 'text',
    slug: 'text',
    position: 'number',
    module_added_at: 'json',
    created_at: 'text',
  },
  key: { pk: '${account}#category#${slug}', sk: 'category' },
  lists: { bySlug: { index: 'gsi1', pk: '${account}#categories', sk: '${slug}' } },
});

export function getAccount(db: Db, slug: string): Promise<Account | null> {
  return accounts.get(db, { slug });
}

/** Every account of the platform whose row can be read, as the index has it. */
export function eachAccount(db: Db): AsyncGenerator<Account> {
  return accounts.eachReadable(db, 'bySlug', {});
}

export function createAccount(account: Draft<Account>): Write {
  return accounts.create(account, () => takenError(account.slug));
}

/** Lets a transaction through only while there is no such account. */
export function holdNoAccount(slug: string): Write {
  return accounts.hold({ slug }, { slug: absent }, () => takenError(slug));
}

function takenError(slug: string): GantryError {
  return new GantryError('already_exists', `account "${slug}" exists already`, { field: 'slug' });
}

/** Puts the next root in force, if the one before it still is. */
export function moveRoot(
  was: Account,
  set: Pick<Account, 'root_version' | 'root_sha256' | 'director_key_id'>,
): Write {
  return accounts.update(was, set);
}

/**
 * Counts a module that is polled from now on. A host's budget is shared by all accounts, so one
 * account may not fill it.
 */
export function countPolled(slug: string): Write {
  const most = limits.accountPolledModulesMax;
  return accounts.adjust(
    { slug },
    { add: { polled_modules: 1 } },
    { polled_modules: below(most) },
    () =>
      new GantryError(
        'modules_too_many',
        `expected at most ${most} modules that are polled in an account, found one more; archive or delete a module that is no longer needed`,
        { expected: most, found: most + 1 },
      ),
  );
}

/** Counts a module that is polled no longer. */
export function uncountPolled(slug: string): Write {
  return accounts.adjust({ slug }, { add: { polled_modules: -1 } });
}

export function getCategory(db: Db, account: string, slug: string): Promise<Category | null> {
  return categories.get(db, { account, slug });
}

/** All categories of an account, lowest position first. */
export async function listCategories(db: Db, account: string): Promise<Category[]> {
  const all = await categories.all(db, 'bySlug', { account });
  return all.sort((a, b) => a.position - b.position || (a.slug < b.slug ? -1 : 1));
}

export function createCategory(category: Category): Write {
  return categories.create(
    category,
    () =>
      new GantryError('already_exists', `category "${category.slug}" exists already`, {
        field: 'slug',
      }),
  );
}

/** Changes the position of a category that no module came into since it was read. */
export function moveCategory(was: Category, position: number): Write {
  const { account, slug, module_added_at } = was;
  return categories.updateWhere({ account, slug }, { module_added_at }, { position });
}

/** Notes that a category has a new module, which indexes show later. */
export function noteModuleAdded(account: string, slug: string, module_added_at: string): Write {
  return categories.adjust({ account, slug }, { set: { module_added_at } }, {}, () =>
    categoryUnknownError(slug),
  );
}

/** Removes a category, unless it was changed or got a module since it was read. */
export function removeCategory(was: Category): Write {
  const { account, slug, position, module_added_at } = was;
  return categories.removeWhere({ account, slug }, { position, module_added_at });
}

/** @param known the categories that exist, of which the most similar ones are listed */
export function categoryUnknownError(slug: string, known?: readonly string[]): GantryError {
  const exist = known === undefined ? '' : `; it has ${listNearest(slug, known)}`;
  return new GantryError(
    'category_unknown',
    `expected a category of this account, found "${slug}"${exist}`,
    { field: 'category', found: slug },
  );
}
