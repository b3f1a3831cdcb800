import type { FilterTests } from '../../base/filters.ts';
import { aboutOf } from './about.ts';
import { type Approval, approvalStates } from './approval.ts';
import { actions } from './intervention-policy.ts';
import { type Operation, operationStates } from './operation.ts';

const action = { kind: 'choice', choices: actions, about: 'action' } as const;

export const operationFilters = {
  state: { kind: 'choice', choices: operationStates, about: 'state' },
  action,
  about: { kind: 'text', about: 'object, such as module/my-redis or template/<id>' },
} as const;

export const operationTests: FilterTests<Operation, typeof operationFilters> = {
  state: (row, state) => row.state === state,
  action: (row, wanted) => row.actions.includes(wanted),
  about: (row, about) => aboutOf(row) === about,
};

export const approvalFilters = {
  state: { kind: 'choice', choices: approvalStates, about: 'state' },
  action,
} as const;

export const approvalTests: FilterTests<Approval, typeof approvalFilters> = {
  state: (row, state) => row.state === state,
  action: (row, wanted) => row.actions.includes(wanted),
};
