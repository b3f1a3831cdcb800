import { needsPolicy } from '../../domain/compose/index.ts';
import type { Action, Operation } from '../../domain/operations/index.ts';
import type { Services } from '../context/index.ts';
import { kindOf } from './changes/index.ts';
import { readMoves } from './dependency-moves.ts';
import { readPrivileges } from './trial-privileges.ts';

/**
 * The operation whose findings reviewers of another one see: of one that was applied already, that
 * which applied it.
 */
export function findingsOf({
  account,
  id,
  changes,
}: Pick<Operation, 'account' | 'changes' | 'id'>): Pick<Operation, 'account' | 'id'> {
  const [applied = id] = changes.flatMap((change) => kindOf(change).appliedBy?.(change) ?? []);
  return { account, id: applied };
}

/**
 * The actions that an operation needs besides those of its changes, for what its compositions
 * found: versions of other accounts, and privileges.
 */
export async function foundActions(
  services: Services,
  operation: Pick<Operation, 'account' | 'id'>,
): Promise<Action[]> {
  const [moves, privileges] = await Promise.all([
    readMoves(services, operation),
    readPrivileges(services, operation),
  ]);
  return [
    ...(moves.length === 0 ? [] : (['dependency_update'] as const)),
    ...(privileges.some(needsPolicy) ? (['module_assign_privileged'] as const) : []),
  ];
}
