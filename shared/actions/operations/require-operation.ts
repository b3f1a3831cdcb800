import { notFoundError } from '../../base/not-found.ts';
import type { Approval, Operation } from '../../domain/operations/index.ts';
import { getApproval, getOperation } from '../../store/operations/index.ts';
import type { Services } from '../context/index.ts';

/** An operation of the account; throws `not_found`. */
export async function requireOperation(
  services: Services,
  account: string,
  id: string,
): Promise<Operation> {
  const operation = await getOperation(services.db, account, id);
  if (operation === null) throw notFoundError('operation', { account, name: id });
  return operation;
}

/** An approval of the account; throws `not_found`. */
export async function requireApproval(
  services: Services,
  account: string,
  id: string,
): Promise<Approval> {
  const approval = await getApproval(services.db, account, id);
  if (approval === null) throw notFoundError('approval', { account, name: id });
  return approval;
}
