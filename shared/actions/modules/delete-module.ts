import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { versionId } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Module } from '../../domain/modules/index.ts';
import { uncountPolled } from '../../store/accounts/index.ts';
import { getCandidate, listCandidates, removeCandidate } from '../../store/candidates/index.ts';
import { eachModule, moduleEvent, removeModule } from '../../store/modules/index.ts';
import {
  getRepository,
  listTags,
  listUnreadableTags,
  removeRepository,
  removeTag,
  removeUnreadableTag,
} from '../../store/poll/index.ts';
import { attempt, transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireModule } from './require-module.ts';
import { refuseUsedModule, templatesUsing } from './version-uses.ts';

/**
 * Deletes a module that never had a version, with what its polls found; its name is free again. Its
 * polls end first, so that none of them writes a row that the deletion does not see. A deletion
 * that dies half-way leaves a module that is not polled, and that can be deleted again.
 * @throws GantryError `not_found`, or `in_use` for a module with versions, users or children
 */
export async function deleteModule(
  services: Services,
  { account, actor }: Caller,
  name: string,
): Promise<void> {
  await retryConflicts(async () => {
    const module = await requireModule(services, account, name);
    await checkDeletable(services, module);

    await endPolls(services, module);
    await removeFindings(services, module);

    const { repository } = module;
    await transact(services.db, [
      removeModule(module),
      moduleEvent(module, { actor, at: nowIso(services) }, 'deleted', { repository }),
    ]);
  });
}

async function checkDeletable(services: Services, module: Module): Promise<void> {
  const { account, name, has_versions } = module;
  if (has_versions) {
    throw new GantryError(
      'in_use',
      `expected a module that never had a version, found "${name}" with versions, which stay; run \`gantry module archive ${name}\` instead`,
      { field: 'name', found: name },
    );
  }

  refuseUsedModule(name, await templatesUsing(services, account, name));
  refuseParent(name, await childrenOf(services, module));
}

async function childrenOf(services: Services, { account, name }: Module): Promise<string[]> {
  const children: string[] = [];
  for await (const module of eachModule(services.db, account)) {
    if (module.parent_module === `${account}/${name}`) children.push(module.name);
  }

  return children;
}

function refuseParent(name: string, children: readonly string[]): void {
  if (children.length === 0) return;
  throw new GantryError(
    'in_use',
    `expected a module without children, found "${name}" as the parent of ${listSome(children)}; delete those first`,
    { field: 'name', found: children },
  );
}

async function endPolls({ db }: Services, { account, name }: Module): Promise<void> {
  const repository = await getRepository(db, account, name);
  if (repository !== null)
    await transact(db, [removeRepository(repository), uncountPolled(account)]);
}

/**
 * Removes tags, unreadable ones included, and candidates. The index may not list the newest
 * candidates yet, but each has a tag, and tags are read consistently.
 */
async function removeFindings(services: Services, { account, name }: Module): Promise<void> {
  const { db } = services;
  const tags = await listTags(db, account, name);
  const named = tags.map(({ digest }) => versionId(account, name, digest));
  const listed = (await listCandidates(db, account, name)).map(({ id }) => id);

  await mapConcurrently(
    [...new Set([...named, ...listed])],
    limits.storeReadsAtOnce,
    async (id) => {
      const candidate = await getCandidate(db, account, id);
      if (candidate !== null) await attempt(db, removeCandidate(candidate));
    },
  );
  const unreadable = await listUnreadableTags(db, account, name);
  const removals = [...tags.map(removeTag), ...unreadable.map(removeUnreadableTag)];
  await mapConcurrently(removals, limits.storeReadsAtOnce, (removal) => attempt(db, removal));
}
