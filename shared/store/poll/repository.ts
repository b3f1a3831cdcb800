import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { Repository, Tag } from '../../domain/poll/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  dueShards,
  json,
  key,
  number,
  query,
  queryDue,
  raced,
  read,
  readMany,
  service,
  shardOf,
  text,
  transact,
  type Write,
} from '../db.ts';

const repositories = new Entity(
  {
    model: { entity: 'repository', version: '1', service },
    attributes: {
      account: text,
      module: text,
      shard: number,
      repository: text,
      tags_hash: json<string | null>(),
      next_poll_at: text,
      polled_at: json<string | null>(),
      failures: number,
      code: json<string | null>(),
      message: json<string | null>(),
      ignored_tags: json<string[]>(),
      recheck_at: text,
    } satisfies Attributes<Repository>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'module'], '${account}#repository#${module}'),
        sk: key('sk', [], 'repository'),
      },
      due: {
        index: 'gsi1',
        pk: key('gsi1pk', ['shard'], 'due#poll#${shard}'),
        sk: key(
          'gsi1sk',
          ['next_poll_at', 'account', 'module'],
          '${next_poll_at}#${account}#${module}',
        ),
      },
      place: {
        index: 'gsi2',
        pk: key('gsi2pk', ['account', 'repository'], '${account}#place#${repository}'),
        sk: key('gsi2sk', ['module'], '${module}'),
      },
    },
  } as const,
  { table: 'table' },
);

const tags = new Entity(
  {
    model: { entity: 'tag', version: '1', service },
    attributes: {
      account: text,
      module: text,
      tag: text,
      digest: text,
      checked_at: text,
      moved_to: json<string | null>(),
      gone_at: json<string | null>(),
    } satisfies Attributes<Tag>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'module'], '${account}#repository#${module}'),
        sk: key('sk', ['tag'], 'tag#${tag}'),
      },
    },
  } as const,
  { table: 'table' },
);

export function getRepository(db: Db, account: string, module: string): Promise<Repository | null> {
  return read(db, repositories, repositories.get({ account, module }).params());
}

/** The poll states of modules, by module; those that there are not are left out. */
export async function readRepositories(
  db: Db,
  account: string,
  modules: string[],
): Promise<Map<string, Repository>> {
  const gets = modules.map((module) => repositories.get({ account, module }).params());
  const rows = await readMany<Repository>(db, repositories, gets);
  return new Map(rows.map((row) => [row.module, row]));
}

export function createRepository(repository: Repository): Write {
  return create(
    repositories
      .create({
        ...repository,
        shard: shardOf(`${repository.account}/${repository.module}`, dueShards),
      } as never)
      .params(),
    () =>
      new GantryError(
        'already_exists',
        `the repository of "${repository.module}" is polled already`,
      ),
  );
}

/** Repositories whose time has come, oldest first. */
export function dueRepositories(db: Db, now: string, limit: number): Promise<Repository[]> {
  return queryDue(limit, (shard, each) =>
    query(
      db,
      repositories,
      repositories.query.due({ shard }).lte({ next_poll_at: now }).params(),
      each,
    ),
  );
}

/** Claims a due repository until `until`: of two schedulers, one wins. Returns whether this one did. */
export async function claimRepository(
  db: Db,
  repository: Repository,
  until: string,
): Promise<boolean> {
  return setRepository(db, repository, { next_poll_at: until });
}

/** Changes the poll state, and writes `more` with it, if nobody else did since it was read. Returns whether it did. */
export async function setRepository(
  db: Db,
  was: Repository,
  set: Partial<Repository>,
  more: Write[] = [],
): Promise<boolean> {
  try {
    await transact(db, [putRepository(was, set), ...more]);
    return true;
  } catch (error) {
    if (error instanceof GantryError && error.code === 'conflict') return false;
    throw error;
  }
}

/** Changes the poll state, if nobody else did since it was read. */
export function putRepository(was: Repository, set: Partial<Repository>): Write {
  const { account, module } = was;
  const { next_poll_at: due, repository } = { ...was, ...set };
  return change(
    repositories
      .patch({ account, module })
      // All that its places in the indexes are made of.
      .set({
        ...set,
        next_poll_at: due,
        repository,
        shard: shardOf(`${account}/${module}`, dueShards),
      } as never)
      .where(({ next_poll_at }, { eq }) => eq(next_poll_at, was.next_poll_at))
      .params(),
  );
}

/** Names of the account's modules whose repository this is: host and path, without tag. */
export async function modulesIn(db: Db, account: string, repository: string): Promise<string[]> {
  const found = repositories.query.place({ account, repository }).params();
  return (await query<Repository>(db, repositories, found)).map(({ module }) => module);
}

/** Rows of earlier releases do not say whether the tag is gone. */
function whole(row: Tag): Tag {
  return { ...row, gone_at: row.gone_at ?? null };
}

export async function listTags(db: Db, account: string, module: string): Promise<Tag[]> {
  const params = tags.query.primary({ account, module }).begins({ tag: '' }).params();
  return (await query<Tag>(db, tags, params, 100_000)).map(whole);
}

export async function getTag(
  db: Db,
  account: string,
  module: string,
  tag: string,
): Promise<Tag | null> {
  const row = await read<Tag>(db, tags, tags.get({ account, module, tag }).params());
  return row === null ? null : whole(row);
}

/** Notes what a tag names, if its row is still as it was read (null: there was none). */
export function putTag(was: Tag | null, tag: Tag): Write {
  if (was === null) return create(tags.create(tag as never).params(), raced);
  const { account, module, tag: name, ...set } = tag;
  return change(
    tags
      .patch({ account, module, tag: name })
      .set(set as never)
      .where(
        ({ digest, checked_at, moved_to }, { eq }) =>
          `${eq(digest, was.digest)} AND ${eq(checked_at, was.checked_at)} AND ${eq(moved_to as never, was.moved_to as never)}`,
      )
      .params(),
  );
}
