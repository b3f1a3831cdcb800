import { GantryError, isGantryError } from '../../base/error.ts';
import { isErrorCode } from '../../base/error-codes.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import {
  type OperationStep,
  type StepDecision,
  stepDecisions,
} from '../../contract/operations/index.ts';
import {
  freezeAt,
  type InterventionPolicy,
  judgeFreeze,
  type Operation,
} from '../../domain/operations/index.ts';
import { updateOperation } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { completeTask, enqueue, failTask, nowIso, type Services } from '../context/index.ts';
import { affectedTemplates } from './affected-templates.ts';
import { announce } from './announce.ts';
import { approvalOf, approversOf, askReviewers } from './approvals/request-approval.ts';
import { kindOf } from './changes/index.ts';
import { pinMoves } from './dependency-moves.ts';
import { finishOperation, isFinal } from './finish-operation.ts';
import { waitsForFreeze } from './freeze-wait.ts';
import {
  policyOfOperation,
  refuseDenied,
  refuseGated,
  requireApproved,
  requireReviewers,
} from './operation-policy.ts';
import { checkChanges, operationWrites, type ReadChange } from './operation-writes.ts';
import { requireOperation } from './require-operation.ts';
import { digestOf, planTemplates, type TemplatePlan } from './template-plan.ts';
import { grantPrivileges } from './trial-privileges.ts';
import { withdrawOvertaken } from './withdraw-operation.ts';

/**
 * The steps of an operation's execution (infra/promotion.ts). Each step reads the record first. So
 * a step that runs twice, or again in a second execution, does only what is left to do.
 */
export async function runOperationStep(services: Services, step: OperationStep): Promise<unknown> {
  return retryConflicts(() => runStep(services, step));
}

async function runStep(services: Services, step: OperationStep): Promise<unknown> {
  const operation = await requireOperation(services, step.account, step.operation_id);
  switch (step.step) {
    case 'check':
      return check(services, operation);
    case 'plan':
      return recordRefusal(services, operation, () => plan(services, operation), nothingPlanned);
    case 'await_approval':
      return awaitApproval(services, operation, step.task_token ?? '');
    case 'apply':
      return recordRefusal(services, operation, () => apply(services, operation, step), applied);
    case 'notify':
      return notify(services, operation);
    case 'expire':
      return expire(services, operation);
    case 'fail':
      return fail(services, operation, step);
  }
}

/**
 * A refusal is an outcome, not a fault: it is recorded, and the execution runs to its end with
 * nothing left to do.
 */
async function recordRefusal<T>(
  services: Services,
  operation: Operation,
  work: () => Promise<T>,
  instead: T,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GantryError) || error.code === 'conflict') throw error;
    const { code, message } = error;
    await finishOperation(services, operation, { state: 'failed', code, message });
    return instead;
  }
}

interface Checked {
  decision: StepDecision;
  /** Seconds that reviewers have. */
  expires_in_s: number;
}

async function check(services: Services, operation: Operation): Promise<Checked> {
  // Step Functions evaluates the timeout of a state that it may never reach, and requires at least
  // a second.
  const refused = { decision: stepDecisions.refused, expires_in_s: 1 };
  if (isFinal(operation)) return refused;
  // An execution applied the changes and died before it reported that. Only the steps after it are
  // left.
  if (operation.state === 'applying') return { decision: stepDecisions.allow, expires_in_s: 1 };

  const policy = await policyOfOperation(services, operation);
  try {
    const read = await checkChanges(services, operation);
    refuseDenied(operation, policy);
    if (await waitsForFreeze(services, operation, policy)) return refused;
    await refuseUnasked(services, operation, policy, read);
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    const { code, message } = error;
    await finishOperation(services, operation, { state: 'refused', code, message });
    return refused;
  }

  if (operation.state === 'requested') {
    await transact(services.db, [
      updateOperation(operation, { state: 'composing', updated_at: nowIso(services) }),
    ]);
  }

  // Once reviewers were asked, they decide, even if the policy no longer requires it.
  const asks = operation.approval_id !== null || policy.decision === 'require_approval';
  return {
    decision: asks ? stepDecisions.require_approval : stepDecisions.allow,
    expires_in_s: await secondsToDecide(services, operation, policy),
  };
}

/** Refuses what reviewers need not be asked about, or cannot be. */
async function refuseUnasked(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
  read: readonly ReadChange[],
): Promise<void> {
  const freeze = freezeAt(policy.freeze_windows, services.now());
  const waits = freeze !== null && judgeFreeze(operation, policy, freeze) === 'passes';
  if (!waits) await refuseGated(services, operation, policy, read);
  if (policy.decision === 'require_approval') await requireReviewers(services, operation, policy);
}

/** A second execution waits only for the time that reviewers have left. */
async function secondsToDecide(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<number> {
  const approval = await approvalOf(services, operation);
  if (approval === null) return policy.expires_in_s;
  const left = Date.parse(approval.expires_at) - services.now().getTime();
  return Math.max(1, Math.ceil(left / 1000));
}

/** What the execution composes, and the plan's digest for `apply` to compare. */
type Planned = Pick<TemplatePlan, 'template_tracks'> & { planned: string };

const nothingPlanned: Planned = { template_tracks: [], planned: digestOf([]) };

/**
 * Runs again after the approval, and after a template changed, because the changes may no longer
 * apply.
 */
async function plan(services: Services, operation: Operation): Promise<Planned> {
  if (isFinal(operation) || operation.state === 'applying') return nothingPlanned;
  const read = await checkChanges(services, operation);
  const { template_tracks, planned } = await planTemplates(services, operation);

  // Refuses before anything is composed what no transaction could apply.
  operationWrites({ operation, approvals: [], at: nowIso(services) }, read, planned);
  return { template_tracks, planned: digestOf(planned) };
}

async function awaitApproval(
  services: Services,
  operation: Operation,
  task_token: string,
): Promise<void> {
  try {
    const policy = await policyOfOperation(services, operation);
    refuseDenied(operation, policy);
    const decision = await askReviewers(services, operation, policy, task_token);
    if (decision === null) return;
    await completeTask(services, task_token, { decision });
  } catch (error) {
    if (isGantryError(error, 'conflict')) throw error;

    // The token fails too, so that no execution waits for a request that could not be sent.
    const failure =
      error instanceof GantryError
        ? { error: error.code, cause: error.message }
        : { error: 'internal' };
    await failTask(services, task_token, failure);

    throw error;
  }
}

/**
 * Ends an operation whose time is over. An approval that came just before the timeout still counts.
 */
async function expire(
  services: Services,
  operation: Operation,
): Promise<{ decision: StepDecision }> {
  const approval = isFinal(operation) ? null : await approvalOf(services, operation);
  if (approval?.state === 'approved') return { decision: stepDecisions.approved };

  await finishOperation(services, operation, {
    state: 'expired',
    code: 'approval_expired',
    message: 'no reviewer decided in time',
  });

  const { account, changes } = operation;
  for (const change of changes) await kindOf(change).lapse?.(services, account, change);
  return { decision: stepDecisions.expired };
}

const applied: Checked = { decision: stepDecisions.applied, expires_in_s: 1 };

/**
 * Applies the changes if the templates are the ones that were composed. Otherwise asks for another
 * round, or reviewers where the check did not know yet that they decide.
 */
async function apply(
  services: Services,
  operation: Operation,
  { planned, round }: OperationStep,
): Promise<Checked> {
  if (isFinal(operation) || operation.state === 'applying') return applied;

  // Read the rows before the policy: if these writes replace the policy, they fail unless it is the
  // one that was satisfied.
  const read = await checkChanges(services, operation);
  // Days may have passed since the check, so the present policy counts.
  const policy = await policyOfOperation(services, operation);

  refuseDenied(operation, policy);
  if (await waitsForFreeze(services, operation, policy)) return applied;
  const expires_in_s = await secondsToDecide(services, operation, policy);
  if (policy.decision === 'require_approval' && operation.approval_id === null) {
    // Composing brought versions of other accounts or privileges, or the policy was tightened.
    await refuseUnasked(services, operation, policy, read);
    return { decision: stepDecisions.require_approval, expires_in_s };
  }

  await refuseGated(services, operation, policy, read);
  if (operation.approval_id !== null) await requireApproved(services, operation, policy);

  const now = await planTemplates(services, operation);
  if (digestOf(now.planned) !== planned) {
    refuseEndless(operation, round);
    return { decision: stepDecisions.replan, expires_in_s };
  }

  const at = nowIso(services);
  const approvals = await approversOf(services, operation);

  await transact(services.db, [
    ...operationWrites({ operation, approvals, at }, read, now.planned),
    updateOperation(operation, { state: 'applying', updated_at: at }),
  ]);

  return { decision: stepDecisions.applied, expires_in_s };
}

function refuseEndless(operation: Operation, round = 1): void {
  if (round < limits.planRoundsMax) return;
  throw new GantryError(
    'operation_raced',
    `templates changed ${round} times while the operation was composed: ${operation.summary}; request it again`,
  );
}

/** Wakes everything that depends on the changes, then closes the record. */
async function notify(services: Services, operation: Operation): Promise<Record<string, never>> {
  if (operation.state !== 'applying') return {};

  const { account, changes } = operation;
  await pinMoves(services, operation);
  await grantPrivileges(services, operation);
  await enqueue(services, 'compose', await affectedTemplates(services, operation));
  for (const change of changes) await kindOf(change).follow(services, account, change);
  await withdrawOvertaken(services, operation);
  const announced = await announce(services, operation);
  await finishOperation(services, announced, { state: 'succeeded', code: null, message: null });

  return {};
}

/**
 * Records why an execution failed. `expected`: it was a refusal, so the state machine does not
 * count it as a fault.
 */
async function fail(
  services: Services,
  operation: Operation,
  { error, cause }: OperationStep,
): Promise<{ expected: boolean }> {
  // The changes are applied, but some stages were not woken. The sweep starts another execution,
  // which wakes them.
  if (operation.state === 'applying') return { expected: false };

  const expected = isErrorCode(error) && error !== 'internal';
  const ending = expected
    ? { code: error, message: sentenceOf(cause) }
    : { code: 'internal' as const, message: 'an internal error stopped it; see the log' };

  await finishOperation(services, operation, { state: 'failed', ...ending });
  return { expected };
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
