import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  orderSharers,
  type Repository,
  type Tag,
  type UnreadableTag,
} from '../../domain/poll/index.ts';
import {
  absent,
  attempt,
  type Db,
  type Draft,
  dueShards,
  entity,
  transactUnlessRaced,
  type Write,
} from '../table/index.ts';

const repositories = entity<Repository>()({
  name: 'repository',
  attributes: {
    account: 'text',
    module: 'text',
    repository: 'text',
    tags_hash: 'json',
    next_poll_at: 'text',
    polled_at: 'json',
    succeeded_at: 'json',
    failures: 'number',
    code: 'json',
    message: 'json',
    ignored_tags: 'json',
    list_cut: 'optional',
    recheck_at: 'text',
    requested_at: 'optional',
    revision: 'number',
  },
  shards: { count: dueShards, of: ({ account, module }) => `${account}/${module}` },
  key: { pk: '${account}#repository#${module}', sk: 'repository' },
  lists: {
    due: { index: 'gsi1', pk: 'due#poll#${shard}', sk: '${next_poll_at}#${account}#${module}' },
    byPlace: { index: 'gsi2', pk: '${account}#place#${repository}', sk: '${module}' },
  },
});

const tags = entity<Tag>()({
  name: 'tag',
  attributes: {
    account: 'text',
    module: 'text',
    tag: 'text',
    digest: 'text',
    checked_at: 'text',
    moved_to: 'json',
    gone_at: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#repository#${module}', sk: 'tag#${tag}' },
});

const unreadableTags = entity<UnreadableTag>()({
  name: 'unreadabletag',
  attributes: {
    account: 'text',
    module: 'text',
    tag: 'text',
    repository: 'text',
    code: 'text',
    message: 'text',
    failures: 'number',
    since: 'text',
    next_look_at: 'text',
    revision: 'number',
  },
  key: { pk: '${account}#repository#${module}', sk: 'unreadable#${tag}' },
});

export function getRepository(db: Db, account: string, module: string): Promise<Repository | null> {
  return repositories.get(db, { account, module });
}

/**
 * Reads the poll states of a module and of the account's other modules in its repository, in the
 * order in which a poll reads them: this module, then those that wait longest, as many as one poll
 * reads for. Empty if the module is not polled.
 */
export async function getSharers(db: Db, account: string, module: string): Promise<Repository[]> {
  const own = await getRepository(db, account, module);
  if (own === null) return [];

  const { repository } = own;
  const listed = await repositories.all(db, 'byPlace', { account, repository });
  const names = orderSharers(listed, module).slice(0, limits.sharersMax - 1);
  // The index may be late, so the rows themselves say where their modules are.
  const rows = await readRepositories(db, account, names);
  const others = names.flatMap((name) => rows.get(name) ?? []);
  return [own, ...others.filter((row) => row.repository === repository)];
}

/**
 * Notes when the next poll on request begins. Returns false if another request noted one since the
 * row was read: that poll begins after this request, so it sees the same.
 */
export async function noteRequestedPoll(
  db: Db,
  { account, module, requested_at }: Repository,
  at: string,
): Promise<boolean> {
  const condition = { requested_at: requested_at ?? absent };
  const note = repositories.adjust({ account, module }, { set: { requested_at: at } }, condition);
  return (await attempt(db, note)) !== null;
}

/** The poll states of modules, by module; missing ones are left out. */
export async function readRepositories(
  db: Db,
  account: string,
  modules: string[],
): Promise<Map<string, Repository>> {
  const rows = await repositories.many(
    db,
    modules.map((module) => ({ account, module })),
  );
  return new Map(rows.map((row) => [row.module, row]));
}

export function createRepository(repository: Draft<Repository>): Write {
  return repositories.create(
    repository,
    () =>
      new GantryError(
        'already_exists',
        `the repository of "${repository.module}" is polled already`,
      ),
  );
}

/** Repositories whose next poll is due, oldest first in each shard. */
export function dueRepositories(db: Db, now: string, limit: number): Promise<Repository[]> {
  return repositories.due(db, 'due', {}, { upTo: now, limit });
}

/**
 * Claims a due repository until `until`: of two schedulers, one wins. Returns whether this one did.
 */
export function claimRepository(db: Db, repository: Repository, until: string): Promise<boolean> {
  return setRepository(db, repository, { next_poll_at: until });
}

/**
 * Changes the poll state, and writes `more` with it, unless it was changed since it was read.
 * Returns whether it did.
 */
export function setRepository(
  db: Db,
  was: Repository,
  set: Partial<Draft<Repository>>,
  more: Write[] = [],
): Promise<boolean> {
  return transactUnlessRaced(db, [putRepository(was, set), ...more]);
}

export function putRepository(was: Repository, set: Partial<Draft<Repository>>): Write {
  return repositories.update(was, set);
}

/** Ends the polls of a repository. */
export function removeRepository(was: Repository): Write {
  return repositories.remove(was);
}

/** Lets a transaction through only while the module is polled, and in this repository. */
export function holdRepository({ account, module, repository }: Repository): Write {
  return repositories.hold({ account, module }, { repository });
}

/** Names of the account's modules whose repository this is: host and path, without tag. */
export async function modulesIn(db: Db, account: string, repository: string): Promise<string[]> {
  const rows = await repositories.all(db, 'byPlace', { account, repository });
  return rows.map(({ module }) => module);
}

export function listTags(db: Db, account: string, module: string): Promise<Tag[]> {
  return tags.all(db, 'primary', { account, module });
}

/** Tags of a module that moved away from what they named, or that the registry lost. */
export async function listMovedTags(db: Db, account: string, module: string): Promise<Tag[]> {
  const all = await listTags(db, account, module);
  return all.filter(({ moved_to, gone_at }) => moved_to !== null || gone_at !== null);
}

export function getTag(db: Db, account: string, module: string, tag: string): Promise<Tag | null> {
  return tags.get(db, { account, module, tag });
}

export function removeTag(was: Tag): Write {
  return tags.remove(was);
}

/** Notes what a tag names, if its row is still as it was read (null: it had none). */
export function putTag(was: Tag | null, tag: Draft<Tag>): Write {
  return was === null ? tags.create(tag) : tags.update(was, tag);
}

/** Tags of a module that the registry lists and does not return. */
export function listUnreadableTags(
  db: Db,
  account: string,
  module: string,
): Promise<UnreadableTag[]> {
  return unreadableTags.all(db, 'primary', { account, module });
}

export function getUnreadableTag(
  db: Db,
  account: string,
  module: string,
  tag: string,
): Promise<UnreadableTag | null> {
  return unreadableTags.get(db, { account, module, tag });
}

/** Notes why a tag cannot be read, if its row is still as it was read (null: it had none). */
export function putUnreadableTag(was: UnreadableTag | null, row: Draft<UnreadableTag>): Write {
  return was === null ? unreadableTags.create(row) : unreadableTags.update(was, row);
}

export function removeUnreadableTag(was: UnreadableTag): Write {
  return unreadableTags.remove(was);
}
