import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Module, ModuleChanges } from '../../domain/modules/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const modules = entity<Module>()({
  name: 'module',
  attributes: {
    account: 'text',
    name: 'text',
    id: 'text',
    visibility: 'text',
    category: 'text',
    variety: 'text',
    parent_module: 'json',
    repository: 'text',
    identities: 'json',
    trusted_keys: 'json',
    trusted_root: 'json',
    require_tlog: 'flag',
    required_attestations: 'json',
    platforms: 'json',
    allow_devices: 'flag',
    digit_commits: 'optional',
    granted_reservations: 'json',
    policy_version: 'text',
    live_version_id: 'json',
    has_versions: 'flag',
    archived: 'flag',
    revision: 'number',
    created_at: 'text',
    updated_at: 'text',
  },
  shards: { count: 4, of: ({ name }) => name },
  key: { pk: '${account}#module#${name}', sk: 'module' },
  lists: {
    byName: { index: 'gsi1', pk: '${account}#modules#${shard}', sk: '${name}' },
    byVisibility: {
      index: 'gsi2',
      pk: 'modules#${visibility}#${shard}',
      sk: '${account}/${name}',
    },
  },
});

export function getModule(db: Db, account: string, name: string): Promise<Module | null> {
  return modules.get(db, { account, name });
}

export async function listModules(
  db: Db,
  account: string,
  limit = 1000,
  after = '',
): Promise<Module[]> {
  return (await modules.list(db, 'byName', { account }, { limit, after })).rows;
}

/**
 * Modules of an account to suggest instead of one that does not exist: those whose names begin as
 * that one does. If they are few, those that begin with its letter, and then the first ones.
 * Returns also whether there are others.
 */
export async function modulesLike(
  db: Db,
  account: string,
  name: string,
): Promise<{ modules: Module[]; others: boolean }> {
  const found = new Map<string, Module>();

  for (const length of [Math.ceil(name.length / 2), 1]) {
    const range = { begins: name.slice(0, length), limit: limits.namesLikeRows };
    const { rows } = await modules.list(db, 'byName', { account }, range);
    for (const row of rows) found.set(row.name, row);
    if (found.size >= limits.namesLikeMin) return { modules: [...found.values()], others: true };
  }

  const { rows, cursor } = await modules.list(
    db,
    'byName',
    { account },
    { limit: limits.namesLikeRows },
  );
  for (const row of rows) found.set(row.name, row);
  return { modules: [...found.values()], others: cursor !== null };
}

/** Public modules of all accounts, by account and name, after the place `<account>/<name>`. */
export async function listPublicModules(db: Db, limit: number, after: string): Promise<Module[]> {
  const range = { limit, after };
  return (await modules.list(db, 'byVisibility', { visibility: 'public' }, range)).rows;
}

/** Lists every module of an account from the index. */
export function eachModule(db: Db, account: string): AsyncGenerator<Module> {
  return modules.each(db, 'byName', { account });
}

export function createModule(module: Draft<Module>): Write {
  return modules.create(
    module,
    () =>
      new GantryError('already_exists', `module "${module.name}" is registered already`, {
        field: 'name',
      }),
  );
}

export function putReservations(
  was: Module,
  granted_reservations: string[],
  updated_at: string,
): Write {
  return modules.update(was, { granted_reservations, updated_at });
}

/**
 * Changes a registration. Whether the module has versions decides how freely its repository may
 * change, so the write states that too.
 */
export function putRegistration(
  was: Module,
  set: ModuleChanges & Pick<Module, 'policy_version' | 'updated_at'>,
): Write {
  return modules.update(was, set, { where: { has_versions: was.has_versions } });
}

/** Removes a module that never had a version. */
export function removeModule(was: Module): Write {
  return modules.remove(was, { where: { has_versions: false } });
}

/**
 * Notes in the transaction of a new version that the module has one. It fails with `policy_changed`
 * unless the module has this policy.
 */
export function noteVersion(account: string, name: string, policy_version: string | null): Write {
  // No policy has an empty version.
  return modules.adjust(
    { account, name },
    { set: { has_versions: true } },
    { policy_version: policy_version ?? '' },
    () => policyChanged(name),
  );
}

export function moduleArchivedError(name: string): GantryError {
  return new GantryError(
    'module_archived',
    `module "${name}" is archived; run \`gantry module unarchive ${name}\` first`,
    { field: 'module', found: name },
  );
}

export function policyChanged(name: string): GantryError {
  return new GantryError(
    'policy_changed',
    `expected "${name}" to have the policy that its signatures were judged by; it was changed, and they are judged again`,
  );
}

/**
 * Moves the module's live pointer. Its condition guarantees the invariant "one live version per
 * module".
 */
export function moveLive(
  account: string,
  name: string,
  from: string | null,
  to: string | null,
): Write {
  return modules.updateWhere(
    { account, name },
    { live_version_id: from },
    { live_version_id: to },
    () =>
      new GantryError(
        'operation_raced',
        `another promotion of "${name}" was applied at the same time`,
      ),
  );
}
