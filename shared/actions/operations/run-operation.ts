import { SendTaskFailureCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { GantryError, isGantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { errorStatus } from '../../base/error-codes.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { EventType } from '../../contract/events/index.ts';
import type { PromotionStep } from '../../contract/messages.ts';
import { trustFields } from '../../domain/modules/index.ts';
import {
  type Change,
  defaultPolicy,
  finalOperationStates,
  type InterventionPolicy,
  isApproved,
  type Operation,
  policyOfChange,
} from '../../domain/operations/index.ts';
import { transact, type Write } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import {
  getOperation,
  getPolicy,
  updateApproval,
  updateOperation,
} from '../../store/operations/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { askForPoll } from '../modules/index.ts';
import {
  affectedTemplates,
  digestOf,
  type Plan,
  planOf,
  planWrites,
} from './affected-templates.ts';
import { approvalOf, askReviewers, eligibleReviewers } from './approvals/request-approval.ts';
import { changeWrites, checkChange } from './changes/writes.ts';

/**
 * The steps of an operation's execution. Each reads the record first, so that a step which runs twice, or again in a
 * second execution after the first died, does what is left to do and nothing else.
 */
export async function runOperationStep(services: Services, step: PromotionStep): Promise<unknown> {
  return retryConflicts(() => runStep(services, step));
}

async function runStep(services: Services, step: PromotionStep): Promise<unknown> {
  const operation = await getOperation(services.db, step.account, step.operation_id);
  if (operation === null)
    throw new GantryError('not_found', `expected operation ${step.operation_id}, found none`);
  switch (step.step) {
    case 'check':
      return check(services, operation);
    case 'plan':
      return answered(services, operation, () => plan(services, operation), nothingPlanned);
    case 'await_approval':
      return awaitApproval(services, operation, step.task_token ?? '');
    case 'apply':
      return answered(services, operation, () => apply(services, operation, step), {
        decision: 'applied',
      });
    case 'notify':
      return notify(services, operation);
    case 'expire':
      return expire(services, operation);
    case 'fail':
      return fail(services, operation, step);
  }
}

/** A refusal is an answer, not a fault: it is recorded here, and the execution goes on to an end with nothing left to do. */
async function answered<T>(
  services: Services,
  operation: Operation,
  work: () => Promise<T>,
  instead: T,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GantryError) || error.code === 'conflict') throw error;
    await finish(services, operation, 'failed', error.code, error.message);
    return instead;
  }
}

const isFinal = (operation: Operation) => finalOperationStates.includes(operation.state);

/** The policy that an operation meets: a change of a policy meets the one it would replace as well. */
async function policyFor(services: Services, operation: Operation): Promise<InterventionPolicy> {
  const read = async (action: InterventionPolicy['action']) =>
    (await getPolicy(services.db, operation.account, action)) ?? defaultPolicy(action);
  const own = await read(operation.action);
  if (operation.change.kind !== 'change_policy') return own;
  return policyOfChange(own, await read(operation.change.policy.action));
}

async function check(services: Services, operation: Operation) {
  // Step Functions evaluates the timeout of a state that it may never reach, and wants at least a second.
  const refused = { decision: 'refused', expires_in_s: 1 };
  if (isFinal(operation)) return refused;
  // Applied already, by an execution that died before it could tell: only the rest is left to do.
  if (operation.state === 'applying') return { decision: 'allow', expires_in_s: 1 };
  const policy = await policyFor(services, operation);
  try {
    await checkChange(services, operation);
    refuseDenied(operation, policy);
    if (policy.decision === 'require_approval') await requireReviewers(services, operation, policy);
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    await finish(services, operation, 'refused', error.code, error.message);
    return refused;
  }
  if (operation.state === 'requested') {
    await transact(services.db, [
      updateOperation(operation, { state: 'composing', updated_at: nowIso(services) }),
    ]);
  }
  // What a person was asked is theirs to decide, even if the policy was loosened before the execution began anew.
  const decision = operation.approval_id === null ? policy.decision : 'require_approval';
  return { decision, expires_in_s: await secondsToDecide(services, operation, policy) };
}

function refuseDenied(operation: Operation, policy: InterventionPolicy): void {
  if (policy.decision !== 'deny') return;
  throw new GantryError(
    'policy_denied',
    `the policy of ${operation.action} denies: ${operation.summary}`,
  );
}

/** A second execution waits only for what is left of the time that reviewers were told. */
async function secondsToDecide(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<number> {
  const approval = await approvalOf(services, operation);
  if (approval === null) return policy.expires_in_s;
  return Math.max(
    1,
    Math.ceil((Date.parse(approval.expires_at) - services.now().getTime()) / 1000),
  );
}

async function requireReviewers(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<void> {
  const reviewers = await eligibleReviewers(services, operation, policy);
  if (reviewers.length >= policy.quorum) return;
  throw new GantryError(
    'approval_required',
    `${operation.action} needs ${policy.quorum} approval(s); expected as many members with role reviewer${policy.self_approval ? '' : ' besides the one who asks'}, found ${reviewers.length}; an admin adds members`,
    { expected: policy.quorum, found: reviewers.length },
  );
}

/** What the execution is told to compose, and the plan's digest for `apply` to compare. */
type PlanAnswer = Pick<Plan, 'template_tracks'> & { planned: string };

const nothingPlanned: PlanAnswer = { template_tracks: [], planned: digestOf([]) };

/** Planned again after the approval wait, and when a template changed meanwhile: the change may fit no more. */
async function plan(services: Services, operation: Operation): Promise<PlanAnswer> {
  if (isFinal(operation) || operation.state === 'applying') return nothingPlanned;
  await checkChange(services, operation);
  const { template_tracks, planned } = await planOf(services, operation);
  return { template_tracks, planned: digestOf(planned) };
}

async function awaitApproval(
  services: Services,
  operation: Operation,
  task_token: string,
): Promise<void> {
  try {
    const decided = await askReviewers(
      services,
      operation,
      await policyFor(services, operation),
      task_token,
    );
    if (decided === null) return;
    const output = JSON.stringify({ decision: decided });
    await services.aws.sfn.send(new SendTaskSuccessCommand({ taskToken: task_token, output }));
  } catch (error) {
    if (isGantryError(error, 'conflict')) throw error;
    // Said by the token as well, so that no execution waits out its time for a request that could not be sent.
    const told =
      error instanceof GantryError
        ? { error: error.code, cause: error.message }
        : { error: 'internal' };
    await services.aws.sfn.send(new SendTaskFailureCommand({ taskToken: task_token, ...told }));
    throw error;
  }
}

/** The time is over. An approval of the last moment, whose news the execution missed, still counts. */
async function expire(
  services: Services,
  operation: Operation,
): Promise<{ decision: 'approved' | 'expired' }> {
  if (!isFinal(operation) && (await approvalOf(services, operation))?.state === 'approved') {
    return { decision: 'approved' };
  }
  await finish(services, operation, 'expired', 'approval_expired', 'nobody decided in time');
  return { decision: 'expired' };
}

/** Applies the change if the templates are those that it was composed with; `replan` asks for another round. */
async function apply(
  services: Services,
  operation: Operation,
  { planned, round }: PromotionStep,
): Promise<{ decision: 'applied' | 'replan' }> {
  if (isFinal(operation) || operation.state === 'applying') return { decision: 'applied' };
  // Before the policy is read: a policy that these writes replace is then the one which was asked, or they fail.
  const writes = await changeWrites(services, operation);
  // Days may have passed since the check: the policy as it is now counts.
  const policy = await policyFor(services, operation);
  refuseDenied(operation, policy);
  if (policy.decision === 'require_approval' || operation.approval_id !== null) {
    await requireApproved(services, operation, policy);
  }
  const now = await planOf(services, operation);
  if (digestOf(now.planned) !== planned) {
    refuseEndless(operation, round);
    return { decision: 'replan' };
  }
  await transact(services.db, [
    ...writes,
    ...planWrites(services, operation, now.planned),
    updateOperation(operation, { state: 'applying', updated_at: nowIso(services) }),
  ]);
  return { decision: 'applied' };
}

function refuseEndless(operation: Operation, round = 1): void {
  if (round < limits.planRoundsMax) return;
  throw new GantryError(
    'promotion_raced',
    `templates changed ${round} times while it was composed: ${operation.summary}; ask again`,
  );
}

/** The approval is read again here, so that nothing but its record lets a change through, whatever the machine was told. */
async function requireApproved(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<void> {
  const approval = await approvalOf(services, operation);
  const asked =
    policy.decision === 'require_approval' ? policy : { quorum: 1, self_approval: true };
  if (approval !== null && isApproved(approval, asked)) return;
  throw new GantryError(
    'approval_required',
    `expected ${asked.quorum} approval(s), as the policy of ${operation.action} asks by now, for: ${operation.summary}`,
  );
}

/** Lets everything that depends on the change know of it, then closes the record. */
async function notify(services: Services, operation: Operation): Promise<Record<string, never>> {
  if (operation.state !== 'applying') return {};
  await enqueue(services, 'compose', await affectedTemplates(services, operation));
  const { account, change } = operation;
  if (change.kind === 'update_instance') {
    await enqueue(services, 'reconcile', [{ account, instance_id: change.instance_id }]);
  }
  if (change.kind === 'update_module') await followTrust(services, account, change);
  if (change.kind === 'resume_quarantine') await enqueue(services, 'reverify', [{ account }]);
  await finish(services, operation, 'succeeded', null, null);
  return {};
}

/** Whom a module trusts is another: what waits for a signature, or was refused for one, is judged again. */
async function followTrust(
  services: Services,
  account: string,
  change: Extract<Change, { kind: 'update_module' }>,
): Promise<void> {
  if (!trustFields.some((field) => field in change.set)) return;
  await askForPoll(services, account, change.module);
  await enqueue(services, 'reverify', [{ account, module: change.module, built: true }]);
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
  const pending = await approvalOf(services, operation);
  const closes = pending?.state === 'pending' && extra.length === 0;
  await transact(services.db, [
    updateOperation(operation, { state, code, message, updated_at: at }),
    ...(closes
      ? [
          updateApproval(pending, {
            state: state === 'expired' ? 'expired' : 'withdrawn',
            task_token: null,
          }),
        ]
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
async function fail(
  services: Services,
  operation: Operation,
  step: PromotionStep,
): Promise<{ expected: boolean }> {
  // Applied, and not told yet to all that depend on it: the sweep starts another execution, which does the rest.
  if (operation.state === 'applying') return { expected: false };
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
