import type { Action, Operation } from '../../domain/operations/index.ts';
import type { Services } from '../context/index.ts';
import { readMoves } from './dependency-moves.ts';
import { readPrivileges } from './trial-privileges.ts';

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
    ...(privileges.length === 0 ? [] : (['module_assign_privileged'] as const)),
  ];
}
