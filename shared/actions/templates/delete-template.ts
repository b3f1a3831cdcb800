import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { type Template, tracks } from '../../domain/templates/index.ts';
import {
  clearCompositionFailure,
  clearGrantedPrivileges,
  forgetConsidered,
  listDependencies,
  removeComposition,
  removeDependency,
} from '../../store/compose/index.ts';
import { eachInstanceOf } from '../../store/machines/index.ts';
import { attempt, transact } from '../../store/table/index.ts';
import { listAssignments, removeTemplate, templateEvent } from '../../store/templates/index.ts';
import { freeName } from '../../store/unique.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { requireTemplate } from './require-template.ts';

/**
 * Deletes a template without machines and assignments, with its empty compositions; its name is
 * free again.
 * @throws GantryError `not_found`, or `in_use` with the names of what uses it
 */
export async function deleteTemplate(
  services: Services,
  { account, actor }: Caller,
  id: string,
): Promise<void> {
  const { db } = services;
  await retryConflicts(async () => {
    const template = await requireTemplate(services, account, id);
    const { name } = template;
    await checkUnused(services, template);

    await transact(db, [
      removeTemplate(template),
      freeName({ account, kind: 'template', value: name }),
      ...tracks.flatMap((track) => [
        removeComposition(account, id, track),
        clearCompositionFailure(account, id, track),
        clearGrantedPrivileges(account, id, track),
      ]),
      templateEvent(template, { actor, at: nowIso(services) }, 'deleted', { name }),
    ]);
  });

  // A row that stays, after a worker dies here, is read by nobody.
  const dependencies = await listDependencies(db, account, id);
  await mapConcurrently(dependencies, limits.storeReadsAtOnce, (row) =>
    attempt(db, removeDependency(row)),
  );

  // A note that stays, after a worker dies here, has a missing template composed in vain.
  for (const track of tracks) {
    const all = { account, template_id: id, track, sequence: Number.MAX_SAFE_INTEGER };
    await forgetConsidered(db, all, []);
  }
}

async function checkUnused(services: Services, template: Template): Promise<void> {
  const { account, id, name, instance_added_at } = template;
  const modules = (await listAssignments(services.db, account, id)).map(({ module }) => module);
  if (modules.length > 0)
    throw inUseError(name, modules, `modules ${listSome(modules)}; remove its assignments first`);

  const machines: string[] = [];
  for await (const instance of eachInstanceOf(services.db, account, id)) {
    if (instance.state !== 'decommissioned') machines.push(instance.name);
  }
  if (machines.length > 0)
    throw inUseError(name, machines, `machines ${listSome(machines)}; decommission them first`);

  // The index that lists machines may not show the newest one yet.
  if (instance_added_at !== null && instance_added_at > later(services, -limits.indexSettleSeconds))
    throw inUseError(
      name,
      [],
      `a machine that was created moments ago; retry in ${limits.indexSettleSeconds} seconds`,
    );
}

function inUseError(name: string, found: string[], where: string): GantryError {
  return new GantryError('in_use', `expected a template in no use, found "${name}" with ${where}`, {
    found,
  });
}
