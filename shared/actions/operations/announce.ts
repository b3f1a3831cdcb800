import type { Operation } from '../../domain/operations/index.ts';
import { updateOperation } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { approversOf } from './approvals/request-approval.ts';
import type { NoticeText } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';
import { mailPeople } from './mail-people.ts';

/**
 * Mails people about changes of who may do or decide what, once an operation is applied. It is
 * noted afterwards: a step that dies in between mails them twice and never not at all. Returns the
 * operation as it is then.
 */
export async function announce(services: Services, operation: Operation): Promise<Operation> {
  if (operation.announced_at !== null) return operation;

  const { account } = operation;
  const found = await Promise.all(
    operation.changes.map(async (change) => kindOf(change).notice?.(services, account, change)),
  );
  const notices = found.filter((one): one is NoticeText => one !== undefined && one !== null);
  if (notices.length === 0) return operation;

  const approvers = (await approversOf(services, operation)).map(({ reviewer }) => reviewer);
  const approved = approvers.length === 0 ? [] : [`Approved by ${approvers.join(', ')}.`];
  for (const { text, ...notice } of notices) {
    const whole = [...text, '', ...approved, `Operation ${operation.id}.`];
    await mailPeople(services, account, { ...notice, text: whole }, operation.requested_by);
  }

  const at = nowIso(services);
  await transact(services.db, [updateOperation(operation, { announced_at: at, updated_at: at })]);
  return { ...operation, announced_at: at, updated_at: at, revision: operation.revision + 1 };
}
