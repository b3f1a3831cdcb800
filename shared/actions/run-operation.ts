import { SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import type { ErrorCode } from '../contract/error-codes.ts';
import { errorStatus } from '../contract/error-codes.ts';
import type { EventType } from '../contract/events.ts';
import type { PromotionStep } from '../contract/messages.ts';
import { defaultPolicy, finalOperationStates, type InterventionPolicy, type Operation } from '../domain/operation.ts';
import { GantryError } from '../error.ts';
import { transact, type Write } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { getApproval, getOperation, getPolicy, updateApproval, updateOperation } from '../store/operation.ts';
import { affectedTemplates, changeWrites, checkChange } from './changes.ts';
import { askReviewers, eligibleReviewers } from './request-approval.ts';
import { enqueue, nowIso, type Services } from './services.ts';

/**
 * The steps of an operation's execution. Each reads the record first, so that a step which runs twice, or again in a
 * second execution after the first died, does what is left to do and nothing else.
 */
export async function runOperationStep(services: Services, step: PromotionStep): Promise<unknown> {
  const operation = await getOperation(services.db, step.account, step.operation_id);
  if (operation === null) throw new GantryError('not_found', `expected operation ${step.operation_id}, found none`);
  switch (step.step) {
    case 'check':
      return check(services, operation);
    case 'plan':
      return plan(services, operation);
    case 'await_approval':
      return awaitApproval(services, operation, step.task_token ?? '');
    case 'apply':
      return apply(services, operation);
    case 'notify':
      return notify(services, operation);
    case 'expire':
      return finish(services, operation, 'expired', 'approval_expired', 'nobody decided in time');
    case 'fail':
      return fail(services, operation, step);
  }
}

const isFinal = (operation: Operation) => finalOperationStates.includes(operation.state);

/** The policy that an operation meets: a change of a policy meets the one it would replace, if that is the stricter. */
async function policyFor(services: Services, operation: Operation): Promise<InterventionPolicy> {
  const read = async (action: InterventionPolicy['action']) =>
    (await getPolicy(services.db, operation.account, action)) ?? defaultPolicy(action);
  const own = await read(operation.action);
  if (operation.change.kind !== 'change_policy') return own;
  const replaced = await read(operation.change.policy.action);
  const strictness = { allow: 0, require_approval: 1, deny: 2 } as const;
  // A denied action is opened again by approval: otherwise nobody ever could.
  const asked = replaced.decision === 'deny' ? { ...replaced, decision: 'require_approval' as const } : replaced;
  return strictness[asked.decision] > strictness[own.decision] ? asked : own;
}

async function check(services: Services, operation: Operation) {
  // Step Functions evaluates the timeout of a state that it may never reach, and wants at least a second.
  const refused = { decision: 'refused', expires_in_s: 1 };
  if (isFinal(operation)) return refused;
  const policy = await policyFor(services, operation);
  // Applied already, by an execution that died before it could tell: only the rest is left to do.
  if (operation.state === 'applying') return { decision: 'allow', expires_in_s: 1 };
  try {
    await checkChange(services, operation);
    if (policy.decision === 'deny') {
      throw new GantryError('policy_denied', `the policy of ${operation.action} denies: ${operation.summary}`);
    }
    if (policy.decision === 'require_approval') await requireReviewers(services, operation, policy);
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    await finish(services, operation, 'refused', error.code, error.message);
    return refused;
  }
  if (operation.state === 'requested') {
    await transact(services.db, [updateOperation(operation, { state: 'composing', updated_at: nowIso(services) })]);
  }
  return { decision: policy.decision, expires_in_s: policy.expires_in_s };
}

async function requireReviewers(services: Services, operation: Operation, policy: InterventionPolicy): Promise<void> {
  const reviewers = await eligibleReviewers(services, operation, policy);
  if (reviewers.length >= policy.quorum) return;
  throw new GantryError(
    'approval_required',
    `${operation.action} needs ${policy.quorum} approval(s); expected as many members with role reviewer${policy.self_approval ? '' : ' besides the one who asks'}, found ${reviewers.length}`,
    { expected: policy.quorum, found: reviewers.length },
  );
}

async function plan(services: Services, operation: Operation) {
  if (isFinal(operation) || operation.state === 'applying') return { template_tracks: [] };
  const affected = await affectedTemplates(services, operation);
  // Another account's templates follow what this account makes live; they cannot hold it up.
  const own = affected.filter(({ account }) => account === operation.account);
  return { template_tracks: own.map(({ template_id, track }) => ({ template_id, track })) };
}

async function awaitApproval(services: Services, operation: Operation, task_token: string): Promise<void> {
  const decided = await askReviewers(services, operation, await policyFor(services, operation), task_token);
  if (decided === null) return;
  const output = JSON.stringify({ decision: decided });
  await services.aws.sfn.send(new SendTaskSuccessCommand({ taskToken: task_token, output }));
}

async function apply(services: Services, operation: Operation): Promise<Record<string, never>> {
  if (isFinal(operation) || operation.state === 'applying') return {};
  if ((await policyFor(services, operation)).decision === 'require_approval')
    await requireApproved(services, operation);
  await transact(services.db, [
    ...(await changeWrites(services, operation)),
    updateOperation(operation, { state: 'applying', updated_at: nowIso(services) }),
  ]);
  return {};
}

/** The approval is read again here, so that nothing but its record lets a change through, whatever the machine was told. */
async function requireApproved(services: Services, operation: Operation): Promise<void> {
  const approval =
    operation.approval_id === null ? null : await getApproval(services.db, operation.account, operation.approval_id);
  if (approval?.state === 'approved') return;
  throw new GantryError('approval_required', `expected an approved request for: ${operation.summary}`);
}

/** Lets everything that depends on the change know of it, then closes the record. */
async function notify(services: Services, operation: Operation): Promise<Record<string, never>> {
  if (operation.state !== 'applying') return {};
  await enqueue(services, 'compose', await affectedTemplates(services, operation));
  const { account, change } = operation;
  if (change.kind === 'update_instance') {
    await enqueue(services, 'reconcile', [{ account, instance_id: change.instance_id }]);
  }
  await finish(services, operation, 'succeeded', null, null);
  return {};
}

const eventOf = {
  succeeded: 'gantry.operation.succeeded',
  refused: 'gantry.operation.refused',
  rejected: 'gantry.operation.refused',
  failed: 'gantry.operation.failed',
  expired: 'gantry.operation.expired',
  withdrawn: 'gantry.operation.withdrawn',
} as const satisfies Record<string, EventType>;

/** Ends an operation, and the approval that it may still wait for, with the reason. Ending it twice changes nothing. */
export async function finish(
  services: Services,
  operation: Operation,
  state: 'succeeded' | 'refused' | 'rejected' | 'failed' | 'expired' | 'withdrawn',
  code: ErrorCode | null,
  message: string | null,
  extra: Write[] = [],
): Promise<Record<string, never>> {
  if (isFinal(operation)) return {};
  const at = nowIso(services);
  const pending =
    operation.approval_id === null ? null : await getApproval(services.db, operation.account, operation.approval_id);
  const closes = pending?.state === 'pending' && extra.length === 0;
  await transact(services.db, [
    updateOperation(operation, { state, code, message, updated_at: at }),
    ...(closes
      ? [updateApproval(pending, { state: state === 'expired' ? 'expired' : 'withdrawn', task_token: null })]
      : []),
    ...extra,
    createEvent({
      type: eventOf[state],
      account: operation.account,
      subject: `operation/${operation.id}`,
      actor: 'gantry:promote',
      at,
      data: { action: operation.action, summary: operation.summary, code, message },
    }),
  ]);
  return {};
}

/** Records why an execution failed. `expected` tells the state machine that it was an answer, not a fault. */
async function fail(services: Services, operation: Operation, step: PromotionStep): Promise<{ expected: boolean }> {
  const known = step.error !== undefined && step.error in errorStatus && step.error !== 'internal';
  const code = known ? (step.error as ErrorCode) : 'internal';
  await finish(
    services,
    operation,
    'failed',
    code,
    known ? sentenceOf(step.cause) : 'an internal error stopped it; see the log',
  );
  return { expected: known };
}

/** Lambda wraps an error's message in JSON; a task's failure is the sentence itself. */
function sentenceOf(cause: string | undefined): string {
  if (cause === undefined || cause === '') return 'no reason was given';
  try {
    const parsed: unknown = JSON.parse(cause);
    const message = (parsed as { errorMessage?: unknown }).errorMessage;
    return typeof message === 'string' ? message : cause;
  } catch {
    return cause;
  }
}
