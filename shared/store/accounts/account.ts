import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { Account, ApiToken, Member, Role } from '../../domain/accounts/index.ts';
import type { Category } from '../../domain/modules/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  each,
  flag,
  json,
  key,
  number,
  query,
  read,
  remove,
  service,
  text,
  type Write,
} from '../db.ts';

const options = { table: 'table' };

const accounts = new Entity(
  {
    model: { entity: 'account', version: '1', service },
    attributes: {
      slug: text,
      name: text,
      director_key_id: text,
      root_sha256: text,
      root_version: number,
      created_at: text,
    } satisfies Attributes<Account>,
    indexes: {
      primary: { pk: key('pk', ['slug'], '${slug}#account'), sk: key('sk', [], 'account') },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', [], 'accounts'),
        sk: key('gsi1sk', ['slug'], '${slug}'),
      },
    },
  } as const,
  options,
);

const members = new Entity(
  {
    model: { entity: 'member', version: '1', service },
    attributes: {
      account: text,
      id: text,
      email: text,
      name: text,
      roles: json<Role[]>(),
      created_at: text,
    } satisfies Attributes<Member>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#member#${id}'),
        sk: key('sk', [], 'member'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#members'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

const tokens = new Entity(
  {
    model: { entity: 'token', version: '1', service },
    attributes: {
      account: text,
      id: text,
      name: text,
      roles: json<Role[]>(),
      member_id: json<string | null>(),
      platform: flag,
      hash: text,
      created_at: text,
      expires_at: json<string | null>(),
      revoked_at: json<string | null>(),
    } satisfies Attributes<ApiToken>,
    indexes: {
      primary: { pk: key('pk', ['hash'], 'token#${hash}'), sk: key('sk', [], 'token') },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#tokens'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

const categories = new Entity(
  {
    model: { entity: 'category', version: '1', service },
    attributes: {
      account: text,
      slug: text,
      position: number,
      created_at: text,
    } satisfies Attributes<Category>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'slug'], '${account}#category#${slug}'),
        sk: key('sk', [], 'category'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#categories'),
        sk: key('gsi1sk', ['slug'], '${slug}'),
      },
    },
  } as const,
  options,
);

export function getAccount(db: Db, slug: string): Promise<Account | null> {
  return read(db, accounts, accounts.get({ slug }).params());
}

/** Every account of the platform, as the index has it. */
export function eachAccount(db: Db): AsyncGenerator<Account> {
  return each(db, accounts, accounts.query.list({}).params());
}

export function createAccount(account: Account): Write {
  return create(
    accounts.create(account).params(),
    () =>
      new GantryError('already_exists', `account "${account.slug}" exists already`, {
        field: 'slug',
      }),
  );
}

/** Puts the next root in force, if the one before it still is. */
export function moveRoot(
  was: Account,
  set: Pick<Account, 'root_version' | 'root_sha256' | 'director_key_id'>,
): Write {
  return change(
    accounts
      .patch({ slug: was.slug })
      .set(set)
      .where(
        (row, { eq }) =>
          `${eq(row.root_version, was.root_version)} AND ${eq(row.root_sha256, was.root_sha256)}`,
      )
      .params(),
  );
}

export function getMember(db: Db, account: string, id: string): Promise<Member | null> {
  return read(db, members, members.get({ account, id }).params());
}

export function listMembers(db: Db, account: string): Promise<Member[]> {
  return query(db, members, members.query.list({ account }).params());
}

export function createMember(member: Member): Write {
  return create(
    members.create(member).params(),
    () => new GantryError('already_exists', `member ${member.id} exists`),
  );
}

export function removeMember(account: string, id: string): Write {
  return remove(members.delete({ account, id }).params());
}

export function getToken(db: Db, hash: string): Promise<ApiToken | null> {
  return read(db, tokens, tokens.get({ hash }).params());
}

export function listTokens(db: Db, account: string): Promise<ApiToken[]> {
  return query(db, tokens, tokens.query.list({ account }).params());
}

export function createToken(token: ApiToken): Write {
  return create(
    tokens.create(token).params(),
    () => new GantryError('already_exists', `token ${token.id} exists`),
  );
}

export function revokeToken(hash: string, revoked_at: string): Write {
  return change(
    tokens
      .patch({ hash })
      .set({ revoked_at })
      .where(({ revoked_at }, { eq }) => eq(revoked_at as never, null as never))
      .params(),
    () => new GantryError('conflict', 'the token is revoked already'),
  );
}

export function getCategory(db: Db, account: string, slug: string): Promise<Category | null> {
  return read(db, categories, categories.get({ account, slug }).params());
}

/** All categories of an account, lowest position first. */
export async function listCategories(db: Db, account: string): Promise<Category[]> {
  const all: Category[] = await query(db, categories, categories.query.list({ account }).params());
  return all.sort((a, b) => a.position - b.position || (a.slug < b.slug ? -1 : 1));
}

export function createCategory(category: Category): Write {
  return create(
    categories.create(category).params(),
    () =>
      new GantryError('already_exists', `category "${category.slug}" exists already`, {
        field: 'slug',
      }),
  );
}
