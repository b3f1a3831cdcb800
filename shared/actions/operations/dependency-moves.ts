import { retryConflicts } from '../../base/retry-conflicts.ts';
import {
  type DependencyMove,
  type GroupedMove,
  groupMoves,
  isStillDue,
  newDependency,
  type TrialFindings,
} from '../../domain/compose/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import { splitModule } from '../../domain/templates/index.ts';
import { getDependency, listTrialFindings, putDependency } from '../../store/compose/index.ts';
import { createEvent } from '../../store/event.ts';
import { getVersion } from '../../store/modules/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';

/** The versions of other accounts that the last compositions of an operation brought. */
export async function readMoves(
  { db }: Services,
  { account, id }: Pick<Operation, 'account' | 'id'>,
): Promise<GroupedMove[]> {
  return groupMoves(await listTrialFindings(db, account, id));
}

/**
 * Pins the templates to the versions of other accounts that the operation was composed with: a
 * version that is released later must not come in their place. A second run changes nothing, also
 * after another operation let a newer version through.
 */
export async function pinMoves(services: Services, operation: Operation): Promise<void> {
  for (const trial of await listTrialFindings(services.db, operation.account, operation.id)) {
    for (const move of trial.moves)
      await retryConflicts(() => pinMove(services, operation, trial, move));
  }
}

async function pinMove(
  services: Services,
  { account, id: operation_id, requested_by }: Operation,
  { template_id, track }: TrialFindings,
  move: DependencyMove,
): Promise<void> {
  const { db } = services;
  const { module, version_id, from_version_id } = move;
  const at = nowIso(services);
  const key = { account, template_id, track, module };
  const was = (await getDependency(db, key)) ?? newDependency(key, at);
  if (was.approved_by === operation_id && was.approved_version_id === version_id) return;
  if (!isStillDue(move, was, operation_id)) return;

  const owner = splitModule(module, account).account;
  const [version, replaced] = await Promise.all([
    getVersion(db, owner, version_id),
    from_version_id === null ? null : getVersion(db, owner, from_version_id),
  ]);

  await transact(db, [
    putDependency({
      ...was,
      approved_version_id: version_id,
      approved_by: operation_id,
      // People let through what they had refused.
      rejected: was.rejected.filter((one) => one !== version_id),
      updated_at: at,
    }),
    createEvent({
      type: 'gantry.dependency.updated',
      account,
      subject: `template/${template_id}`,
      actor: requested_by,
      at,
      data: {
        track,
        module,
        version: version?.version_string ?? null,
        was: replaced?.version_string ?? null,
        operation_id,
      },
    }),
  ]);
}
