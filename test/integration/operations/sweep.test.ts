import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { expect } from 'vitest';
import { type Services, servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import {
  changePolicy,
  decideApproval,
  executionName,
  promoteVersion,
  runOperationStep,
  sweepOperations,
} from '../../../shared/actions/operations/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import {
  type Action,
  defaultPolicy,
  type Operation,
} from '../../../shared/domain/operations/index.ts';
import {
  createOperation,
  getApproval,
  getOperation,
  getPolicy,
  idleOperations,
  lookLater,
  updateApproval,
  updateOperation,
} from '../../../shared/store/operations/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { stoppedAtMail } from '../../support/faults.ts';
import { linksTo, mailsOf } from '../../support/mailbox.ts';
import {
  as,
  confirmationOf,
  policy,
  raise,
  requirePending,
  versionNow,
} from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

let rita: Member;
/** A reviewer decides only what is requested after they joined. */
let ritaJoined: number;

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
  ritaJoined = Date.now() + 1;
  await policy(world, 'policy_change', { decision: 'require_approval' });
});

/**
 * Sweeps when the operation has been idle just long enough; those that others have on their way now
 * are not yet. The sweep of another test may be faster, so the attempts of an operation are counted
 * and not what this one starts.
 */
function sweep({ services }: Pick<World, 'services'>, operation: Operation): Promise<number> {
  const now = new Date(Date.parse(operation.updated_at) + limits.operationIdleSeconds * 1000 + 1);
  return sweepOperations({ ...services, now: () => now });
}

function executionArn(world: World, operation: Operation): string {
  const machine = world.services.settings.stateMachineArn.replace(':stateMachine:', ':execution:');
  return `${machine}:${executionName(operation)}`;
}

async function kill(world: World, operation: Operation): Promise<void> {
  const { sfn } = world.services.aws;
  await sfn.send(new StopExecutionCommand({ executionArn: executionArn(world, operation) }));

  await eventually('the execution to be dead', async () => {
    const { status } = await sfn.send(
      new DescribeExecutionCommand({ executionArn: executionArn(world, operation) }),
    );
    return status === 'ABORTED' ? status : null;
  });
}

function mailed(approval: string): Promise<string> {
  return eventually('the mail', async () => {
    return (await linksTo(rita.email)).find((link) => link.includes(approval)) ?? null;
  });
}

async function press(link: string): Promise<number> {
  const body = new URLSearchParams({
    decision: 'approve',
    confirmation: await confirmationOf(link),
  });
  return (await fetch(link, { method: 'POST', body })).status;
}

/**
 * Waits until the operation's execution, whichever it is by now, waits for approval with a token of
 * its own.
 */
function waitsAgain(
  world: World,
  operation: Operation,
  staleToken: string | null,
): Promise<Operation> {
  return eventually('the new execution to wait', async () => {
    const now = await getOperation(world.services.db, world.account, operation.id);
    const approval = await getApproval(world.services.db, world.account, now?.approval_id ?? '');
    return now !== null && approval?.task_token !== staleToken ? now : null;
  });
}

/** An operation as it is recorded, without any execution. */
function unstarted(world: World, action: Action, attempt = 1): Operation {
  // Before anything that other tests have on its way now.
  const at = new Date(Math.max(Date.now() - 10_000, ritaJoined)).toISOString();
  const was = defaultPolicy(action);
  return {
    account: world.account,
    id: newId('operation'),
    actions: ['policy_change'],
    changes: [{ kind: 'policy_change', policy: { ...was, decision: 'deny' }, was }],
    summary: `policy of ${action}: decision ${was.decision} → deny`,
    state: 'requested',
    requested_by: 'token:tests',
    requested_by_person: 'deployment',
    approval_id: null,
    attempt,
    announced_at: null,
    correlation_id: 'tests',
    code: null,
    message: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };
}

it('a promotion whose execution is stopped while it waits continues: the mailed link works, and it goes live once', async ({
  world,
}) => {
  const key = authorKey();
  await world.register('nginx', key);

  const version = await world.ingest({ name: 'nginx', files: { 'etc/nginx': 'x' } }, 'v1.0.0', key);
  await raise(world, version, 'blessed');

  const { id } = await promoteVersion(world.services, world.caller, { id: version.id, to: 'live' });
  const waiting = await world.operation(id, 'awaiting_approval');
  const approval = requirePending(waiting);
  const link = await mailed(approval);
  const before = await getApproval(world.services.db, world.account, approval);

  await kill(world, waiting);
  await sweep(world, waiting);

  const revived = await waitsAgain(world, waiting, before?.task_token ?? null);
  expect(revived).toMatchObject({ state: 'awaiting_approval', attempt: 2, approval_id: approval });

  expect(await press(link)).toBe(200);
  expect(await world.operation(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(await versionNow(world, version)).toMatchObject({
    promotion_state: 'live',
    approvals: [{}],
  });
  expect((await linksTo(rita.email)).filter((one) => one.includes(approval))).toEqual([link]);

  const { executions } = await world.services.aws.sfn.send(
    new ListExecutionsCommand({
      stateMachineArn: world.services.settings.stateMachineArn,
      maxResults: 1000,
    }),
  );

  expect(
    executions?.filter(({ name }) => name?.startsWith(id)).map(({ name }) => name),
  ).toHaveLength(2);
});

it('a change that was approved while no execution ran is applied by the next one', async ({
  world,
}) => {
  const change = { ...defaultPolicy('module_retire'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, world.caller, change);
  const waiting = await world.operation(id, 'awaiting_approval');
  const link = await mailed(requirePending(waiting));

  await kill(world, waiting);
  expect(await press(link)).toBe(200);
  expect((await getOperation(world.services.db, world.account, id))?.state).toBe(
    'awaiting_approval',
  );
  await sweep(world, waiting);
  expect(await world.operation(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
});

it('mails that a dead execution did not record are recorded by the next one', async ({ world }) => {
  const change = { ...defaultPolicy('module_retire'), decision: 'allow' as const };
  const { id } = await changePolicy(world.services, world.caller, change);
  const waiting = await world.operation(id, 'awaiting_approval');
  const link = await mailed(requirePending(waiting));
  const recorded = () =>
    eventually('the record that mails were sent', async () => {
      const approval = await getApproval(world.services.db, world.account, requirePending(waiting));
      return approval?.mailed_at == null ? null : approval;
    });

  const first = await recorded();
  await kill(world, waiting);
  await transact(world.services.db, [updateApproval(first, { mailed_at: null })]);
  await sweep(world, waiting);

  expect((await recorded()).state).toBe('pending');
  expect(await press(link)).toBe(200);
  expect(await world.operation(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
});

it('people are mailed about a policy that changed, however often its last step runs or dies', async ({
  world,
}) => {
  const operation = unstarted(world, 'mass_quarantine');
  const step = { step: 'notify', account: world.account, operation_id: operation.id } as const;
  const mails = async () =>
    (await mailsOf(rita.email)).filter(({ text }) => text.includes(operation.id));

  await transact(world.services.db, [createOperation({ ...operation, state: 'applying' })]);
  const { worker, reached } = stoppedAtMail(world.services);
  void runOperationStep(worker, step);
  await reached;
  expect(await mails()).toEqual([]);

  await runOperationStep(world.services, step);
  const [mail] = await mails();
  expect(mail?.subject).toBe(`[${world.account}] policy of mass_quarantine changed`);
  for (const fact of ['decision: require_approval → deny', 'Changed by token:tests'])
    expect(mail?.text).toContain(fact);

  // As if the function had died before it closed the record.
  const done = await getOperation(world.services.db, world.account, operation.id);
  if (done === null) throw new Error('expected the operation');
  const { updated_at } = done;
  await transact(world.services.db, [updateOperation(done, { state: 'applying', updated_at })]);
  await runOperationStep(world.services, step);
  expect(await mails()).toHaveLength(1);
  expect((await world.operation(operation.id)).state).toBe('succeeded');
});

it('reviewers who have not decided are reminded once, and again only if no mail went out', async ({
  world,
}) => {
  const otto = await world.reviewer();
  await policy(world, 'policy_change', { decision: 'require_approval', quorum: 2 });
  const change = { ...defaultPolicy('module_change'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, world.caller, change);
  const waiting = await world.operation(id, 'awaiting_approval');
  const approval = requirePending(waiting);
  const decide = (member: Member, decision: 'approve' | 'reject') =>
    decideApproval(world.services, as(member), { id: approval, decision, comment: null });
  const row = () =>
    eventually('the approval with its mails sent', async () => {
      const found = await getApproval(world.services.db, world.account, approval);
      return found?.mailed_at == null ? null : found;
    });

  await row();
  await decide(otto, 'approve');
  // As if it had waited for four days of seven.
  const created_at = new Date(Date.now() - 4 * 86_400_000).toISOString();
  await transact(world.services.db, [updateApproval(await row(), { created_at })]);

  const look = async (services: Services) => {
    await transact(world.services.db, [lookLater(waiting, waiting.updated_at)]);
    await sweep({ services }, waiting);
  };
  const failing = servicesFromEnvironment();
  failing.aws.ses.send = () => Promise.reject(new Error('throttled'));
  await look(failing);
  expect(await row()).toMatchObject({ reminders: 0, unmailed: [rita.email] });

  await look(world.services);
  await look(world.services);
  const reminders = async ({ email }: Member) =>
    (await mailsOf(email)).filter(
      ({ subject, text }) => subject.startsWith('Reminder: ') && text.includes(approval),
    );
  expect(await reminders(rita)).toHaveLength(1);
  expect(await reminders(otto)).toEqual([]);
  expect(await row()).toMatchObject({ reminders: 1, unmailed: [] });

  await policy(world, 'policy_change', { decision: 'require_approval' });
  await decide(rita, 'reject');
});

it('an execution that missed its approval is resumed', async ({ world }) => {
  const change = { ...defaultPolicy('extension_import'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, world.caller, change);
  const waiting = await world.operation(id, 'awaiting_approval');
  const link = await mailed(requirePending(waiting));

  await eventually('the note that mails are out', async () => {
    return (
      (await getApproval(world.services.db, world.account, requirePending(waiting)))?.mailed_at ??
      null
    );
  });
  // A worker that decides and dies before it wakes the execution leaves just the decision.

  const pending = await getApproval(world.services.db, world.account, requirePending(waiting));
  if (pending === null) throw new Error('expected an approval');

  const by = {
    reviewer: `member:${rita.id}`,
    reviewer_email: rita.email,
    comment: null,
    by: 'link',
    person: `member:${rita.id}`,
    signed_in_by: 'approval_link',
  } as const;

  const decisions = [{ ...by, decision: 'approve' as const, decided_at: new Date().toISOString() }];
  await transact(world.services.db, [updateApproval(pending, { decisions, state: 'approved' })]);
  expect(await sweep(world, waiting)).toBe(0);
  expect(await world.operation(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect((await fetch(link)).status).toBe(410);
});

it('a running execution stays untouched, and is checked again later', async ({ world }) => {
  const change = { ...defaultPolicy('module_promote_to_staging'), decision: 'deny' as const };
  const { id } = await changePolicy(world.services, world.caller, change);
  const waiting = await world.operation(id, 'awaiting_approval');
  const until = new Date(Date.parse(waiting.updated_at) + 1).toISOString();
  const due = async () =>
    (await idleOperations(world.services.db, until)).some((one) => one.id === id);

  expect(await due()).toBe(true);
  expect(await sweep(world, waiting)).toBe(0);
  expect(await due()).toBe(false);

  expect(await getOperation(world.services.db, world.account, id)).toMatchObject({
    state: 'awaiting_approval',
    attempt: 1,
    updated_at: waiting.updated_at,
  });
});

it('an operation that was recorded and never started is started', async ({ world }) => {
  const operation = unstarted(world, 'module_install_unverified');
  await transact(world.services.db, [createOperation(operation)]);
  await sweep(world, operation);

  const waiting = await world.operation(operation.id, 'awaiting_approval');
  expect(waiting.attempt).toBe(2);
  expect(await press(await mailed(requirePending(waiting)))).toBe(200);
  expect((await world.operation(operation.id)).state).toBe('succeeded');
  expect(
    (await getPolicy(world.services.db, world.account, 'module_install_unverified'))?.decision,
  ).toBe('deny');
});

it('an operation whose executions died too often fails, and says why', async ({ world }) => {
  const operation = unstarted(world, 'instance_change', limits.operationAttemptsMax);
  await transact(world.services.db, [createOperation(operation)]);
  await sweep(world, operation);

  expect(await world.operation(operation.id)).toMatchObject({
    state: 'failed',
    code: 'execution_died',
    message: 'its execution died 5 times; see the log and request it again',
  });
});
