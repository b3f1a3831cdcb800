import { z } from 'zod';
import {
  changePolicy,
  decideApproval,
  nameOf,
  readNames,
  readReviewers,
  requireApproval,
  requireOperation,
  showApproval,
  withdrawOperation,
} from '../../../../shared/actions/operations/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import {
  approvalAnswer,
  approvalSchema,
  approvalsQuery,
  changePolicyBody,
  decideBody,
  listedOperationSchema,
  operationAnswer,
  operationsQuery,
  policyParams,
  policySchema,
  showApprovalAnswer,
  showOperationAnswer,
} from '../../../../shared/contract/operations/index.ts';
import {
  actions,
  approvalTests,
  defaultPolicy,
  operationTests,
} from '../../../../shared/domain/operations/index.ts';
import {
  listPolicies,
  recentApprovals,
  recentOperations,
} from '../../../../shared/store/operations/index.ts';
import { storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';
import { approvalView } from '../../views.ts';

const operationParams = z.object({ id: idSchema('operation') });
const approvalParams = z.object({ id: idSchema('approval') });

export const operationRoutes: Route[] = [
  route({
    method: 'get',
    path: '/operations',
    role: 'viewer',
    tag: 'operations',
    summary: 'List the operations, newest first',
    query: operationsQuery,
    answer: pageOf('operations', listedOperationSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = await storePage(
        query,
        (limit, before) => recentOperations(services.db, caller.account, limit, before),
        (operation) => operation.id,
        keepBy(operationTests, query),
      );
      const requesters = items.map(({ requested_by }) => requested_by);
      const name = await readNames(services, caller.account, requesters);
      const operations = items.map((one) => ({ ...one, requester: name(one.requested_by) }));
      return { operations, next_cursor };
    },
  }),
  route({
    method: 'get',
    path: '/operations/{id}',
    role: 'viewer',
    tag: 'operations',
    summary: 'Get an operation, its status, and who decided on it',
    params: operationParams,
    answer: showOperationAnswer,
    async handle({ services, caller, params }) {
      const found = await requireOperation(services, caller.account, params.id);
      const requester = await nameOf(services, caller.account, found.requested_by);
      const operation = { ...found, requester };
      const { approval_id } = operation;
      if (approval_id === null) return { operation, approval: null };

      const approval = await requireApproval(services, caller.account, approval_id);
      const reviewers = await readReviewers(services, caller.account);
      return { operation, approval: approvalView(approval, reviewers) };
    },
  }),
  route({
    method: 'post',
    path: '/operations/{id}/withdraw',
    role: 'operator',
    tag: 'operations',
    summary: 'Withdraw an operation',
    description: 'Only the person who requested it, or an admin.',
    params: operationParams,
    answer: operationAnswer,
    async handle({ services, caller, params }) {
      return { operation: await withdrawOperation(services, caller, params.id) };
    },
  }),
];

export const approvalRoutes: Route[] = [
  route({
    method: 'get',
    path: '/approvals',
    role: 'viewer',
    tag: 'approvals',
    summary: 'List the approvals, newest first',
    query: approvalsQuery,
    answer: pageOf('approvals', approvalSchema),
    async handle({ services, caller, query }) {
      const of = { account: caller.account, open: query.state === 'pending' };
      const { items, next_cursor } = await storePage(
        query,
        (limit, before) => recentApprovals(services.db, of, limit, before),
        (approval) => approval.id,
        keepBy(approvalTests, query),
      );
      const reviewers = await readReviewers(services, caller.account);
      return { approvals: items.map((one) => approvalView(one, reviewers)), next_cursor };
    },
  }),
  route({
    method: 'get',
    path: '/approvals/{id}',
    role: 'viewer',
    tag: 'approvals',
    summary: 'Get an approval, its decisions, and what reviewers judge it by',
    params: approvalParams,
    answer: showApprovalAnswer,
    async handle({ services, caller, params }) {
      const { approval, review } = await showApproval(services, caller.account, params.id);
      const reviewers = await readReviewers(services, caller.account);
      return { approval: approvalView(approval, reviewers), review };
    },
  }),
  route({
    method: 'post',
    path: '/approvals/{id}/decide',
    role: 'reviewer',
    tag: 'approvals',
    summary: 'Approve or reject an operation',
    description:
      'Requires a token of a member. The requester cannot decide unless the policy allows self-approval.',
    params: approvalParams,
    body: decideBody,
    answer: approvalAnswer,
    async handle({ services, caller, params, body }) {
      const { decision, comment } = body;
      const approval = await decideApproval(services, caller, {
        id: params.id,
        decision,
        comment: comment ?? null,
      });
      return { approval: approvalView(approval, await readReviewers(services, caller.account)) };
    },
  }),
];

export const policyRoutes: Route[] = [
  route({
    method: 'get',
    path: '/policies',
    role: 'viewer',
    tag: 'policies',
    summary: 'List the intervention policy of each action, including defaults',
    answer: z.object({ policies: z.array(policySchema) }),
    async handle({ services, caller }) {
      const rows = await listPolicies(services.db, caller.account);
      return {
        policies: actions.map(
          (action) => rows.find((row) => row.action === action) ?? defaultPolicy(action),
        ),
      };
    },
  }),
  route({
    method: 'patch',
    path: '/policies/{action}',
    role: 'admin',
    tag: 'policies',
    summary: 'Change the intervention policy of an action',
    description:
      'Omitted fields keep their value. The change needs what policy_change asks, what the old policy asks, and what policy_loosen asks if it loosens the policy (by default an approval).',
    status: 202,
    params: policyParams,
    body: changePolicyBody,
    answer: operationAnswer,
    async handle({ services, caller, params, body }) {
      return { operation: await changePolicy(services, caller, { ...params, ...body }) };
    },
  }),
];
