import { changeWrites } from '../../../shared/actions/operations/index.ts';
import { type Dependency, viewOf } from '../../../shared/domain/compose/index.ts';
import type { Instance } from '../../../shared/domain/machines/index.ts';
import {
  type Change,
  defaultPolicy,
  type InterventionPolicy,
  type Operation,
} from '../../../shared/domain/operations/index.ts';
import type { Assignment, Template } from '../../../shared/domain/templates/index.ts';
import type { Write } from '../../../shared/store/table/index.ts';
import { instanceOf } from '../../support/instance.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';
import { before, member, reviewer } from './people.ts';

export { member, reviewer } from './people.ts';

export const at = '2026-01-02T03:04:05.000Z';

/** An operation of changes, as its request stored it. */
export const operationOf = (
  changes: Operation['changes'],
  more: Partial<Operation> = {},
): Operation => ({
  account: 'acme',
  id: 'op_1',
  actions: ['assignment_change'],
  changes,
  summary: 'change something',
  state: 'requested',
  requested_by: 'token:t',
  requested_by_person: 'ann',
  approval_id: null,
  attempt: 1,
  announced_at: null,
  correlation_id: 'flow',
  code: null,
  message: null,
  revision: 1,
  created_at: at,
  updated_at: at,
  ...more,
});
export const template: Template = {
  account: 'acme',
  id: 'tpl_1',
  name: 'web',
  platform: 'any',
  instance_added_at: null,
  revision: 3,
  created_at: before,
  updated_at: before,
};
export const assignment: Assignment = {
  account: 'acme',
  id: 'asg_1',
  template_id: 'tpl_1',
  module: 'acme/redis',
  constraint: '^1',
  metadata: { n: 1 },
  effective_priority: null,
  revision: 1,
  created_at: before,
  updated_at: before,
};
export const instance: Instance = instanceOf({
  id: 'ins_1',
  name: 'web-1',
  template_id: 'tpl_1',
  metadata: { hostname: 'web-1' },
  created_at: before,
  updated_at: before,
});
export const operation = {
  account: 'acme',
  id: 'op_1',
  requested_by: 'token:tok_1',
  requested_by_person: 'deployment',
};
export const approver = { operation_id: 'op_1', reviewer: 'rita@example.com', decided_at: before };

export const promotion = (
  to: Change<'version_promote'>['to'],
  replaces: string | null = null,
  more: Partial<Change<'version_promote'>> = {},
): Change<'version_promote'> => ({
  kind: 'version_promote',
  module: 'redis',
  version_id: 'ver_2',
  from: 'blessed',
  to,
  withdraw: false,
  replaces,
  ...more,
});
export const rollback: Change<'version_rollback'> = {
  kind: 'version_rollback',
  module: 'redis',
  version_id: 'ver_1',
  to_version_id: 'ver_0',
  reason: 'loses writes',
  review_id: null,
};
export const rollbackReview: Change<'rollback_review'> = {
  kind: 'rollback_review',
  module: 'redis',
  version_id: 'ver_1',
  to_version_id: 'ver_0',
  reason: 'loses writes',
  rollback_id: 'op_0',
};
export const withholding = <Kind extends 'yank' | 'unyank' | 'quarantine' | 'release'>(
  verb: Kind,
) =>
  ({
    kind: `version_${verb}`,
    module: 'redis',
    version_id: 'ver_1',
    reason: 'see incident 17',
  }) as const;
/** The rows of a change of the assignment. */
export const assigned = { assignment, template };
/** The rows of an addition of a module that the template lacks. */
export const unassigned = { template, owner: null, archived: false };
export const addition = (id: string, module = 'acme/redis') =>
  ({
    kind: 'assignment_add',
    assignment_id: id,
    template_id: 'tpl_1',
    module,
    constraint: null,
    metadata: {},
    effective_priority: null,
  }) as const;
export const update = (
  set: Omit<Change<'assignment_update'>, 'kind' | 'assignment_id' | 'template_id'>,
) => ({ kind: 'assignment_update', assignment_id: 'asg_1', template_id: 'tpl_1', ...set }) as const;
export const removal = {
  kind: 'assignment_remove',
  assignment_id: 'asg_1',
  template_id: 'tpl_1',
} as const;
export const dependencyUpdate: Change<'dependency_update'> = {
  kind: 'dependency_update',
  template_id: 'tpl_1',
  track: 'live',
  module: 'other/proxy',
  from_version_id: 'ver_p1',
  version_id: 'ver_p2',
};
export const reservation = (grant: string[], revoke: string[] = []) =>
  ({ kind: 'reservation_change', module: 'redis', grant, revoke }) as const;
export const registration = (
  set: Change<'module_update'>['set'],
  more: Partial<Change<'module_update'>> = {},
) =>
  ({
    kind: 'module_update',
    module: 'redis',
    set,
    loosens_trust: false,
    policy_version: 'none',
    ...more,
  }) as const;
export const machine = (set: Omit<Change<'instance_update'>, 'kind' | 'instance_id'>) =>
  ({ kind: 'instance_update', instance_id: 'ins_1', ...set }) as const;
export const policy = (set: Partial<InterventionPolicy>) =>
  ({
    kind: 'policy_change',
    policy: { ...defaultPolicy('module_retire'), ...set },
    was: defaultPolicy('module_retire'),
  }) as const;
export const resumption = { kind: 'quarantine_resume' } as const;

export const module = storedModule('acme', 'redis', {
  live_version_id: 'ver_1',
  granted_reservations: ['/srv/**'],
});
export const live = storedVersion('acme', 'redis', '1.0.0', {
  id: 'ver_1',
  promotion_state: 'live',
});
export const previous = storedVersion('acme', 'redis', '0.9.0', {
  id: 'ver_0',
  promotion_state: 'blessed',
  was_live: true,
});
export const withheld = {
  reason: 'see incident 16',
  by: 'token:tok_1',
  at: before,
  operation_id: 'op_0',
};
export const next = storedVersion('acme', 'redis', '2.0.0', {
  id: 'ver_2',
  promotion_state: 'blessed',
});
export const proxies = {
  from: storedVersion('other', 'proxy', '1.0.0', { id: 'ver_p1', promotion_state: 'live' }),
  version: storedVersion('other', 'proxy', '1.1.0', { id: 'ver_p2', promotion_state: 'live' }),
};
export const dependency: Dependency = {
  account: 'acme',
  template_id: 'tpl_1',
  track: 'live',
  module: 'other/proxy',
  approved_version_id: null,
  approved_by: null,
  proposal: { version_id: 'ver_p2', operation_id: 'op_1' },
  rejected: [],
  revision: 1,
  updated_at: before,
};
export const budget = {
  account: 'acme',
  count: 5,
  window_started_at: before,
  asked_at: before,
  granted_until: null,
  revision: 2,
};
export const view = viewOf(template, [assignment]);

/** The type of each event that is written, and how many other rows are. */
export function written(writes: readonly Write[]): { events: unknown[]; rows: number } {
  const events = writes.flatMap(({ item }) => item.Put?.Item?.type ?? []);
  return { events, rows: writes.length - events.length };
}

export function writesOf(change: Change, rows: unknown): Write[] {
  return changeWrites({ operation, approvals: [approver], at }, [{ change, rows }]);
}

export const everyKind: { change: Change; rows: unknown }[] = [
  { change: promotion('live', 'ver_1'), rows: { version: next, module, live, uses: [] } },
  { change: rollback, rows: { module, bad: live, target: previous } },
  { change: rollbackReview, rows: { bad: live, target: previous } },
  { change: withholding('yank'), rows: live },
  { change: withholding('unyank'), rows: { ...live, withheld: { yanked: withheld } } },
  { change: withholding('quarantine'), rows: live },
  { change: withholding('release'), rows: { ...live, withheld: { held: withheld } } },
  { change: addition('asg_2'), rows: unassigned },
  { change: update({ constraint: null }), rows: assigned },
  { change: removal, rows: assigned },
  {
    change: dependencyUpdate,
    rows: { template, dependency, module: storedModule('other', 'proxy'), ...proxies },
  },
  { change: reservation(['/opt/**']), rows: { module, patterns: new Set(['/opt/**']) } },
  { change: registration({ visibility: 'public' }), rows: { module, repository: null, users: [] } },
  { change: machine({ track: 'staging' }), rows: instance },
  {
    change: {
      kind: 'member_change',
      member_id: 'mbr_1',
      was: ['viewer'],
      roles: ['viewer', 'reviewer'],
      was_groups: [],
      groups: ['security'],
    },
    rows: {
      member,
      roster: { account: 'acme', reviewers: ['mbr_2'], revision: 1 },
      unmeetable: [],
    },
  },
  { change: policy({ quorum: 2 }), rows: { stored: null, reviewers: [reviewer()] } },
  { change: resumption, rows: budget },
];
