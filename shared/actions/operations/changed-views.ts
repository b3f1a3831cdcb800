import type { ChangedViews } from '../../domain/compose/index.ts';
import type { Change } from '../../domain/operations/index.ts';
import { getOperation, holdOperation } from '../../store/operations/index.ts';
import type { ChangedByOperation } from '../compose/index.ts';
import type { Services } from '../context/index.ts';
import { kindOf } from './changes/index.ts';

/** The template and its machines after the changes, applied in order; nothing is written. */
export function viewsOf(changes: readonly Change[], at: string): ChangedViews {
  return {
    template: (view) =>
      changes.reduce((seen, change) => kindOf(change).view(seen, change, at), view),
    instance: (row) => changes.reduce((seen, change) => kindOf(change).instance(seen, change), row),
  };
}

/** The same for an operation that is not applied yet; null if there is no such operation. */
export async function viewsOfOperation(
  services: Services,
  account: string,
  id: string,
): Promise<ChangedByOperation | null> {
  const operation = await getOperation(services.db, account, id);
  if (operation === null) return null;

  return {
    views: viewsOf(operation.changes, operation.created_at),
    asked: operation.approval_id !== null,
    hold: holdOperation(operation),
  };
}
