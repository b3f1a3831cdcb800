import type { Change } from '../../../domain/operations/index.ts';
import type { Assignment } from '../../../domain/templates/index.ts';
import { removeAssignment } from '../../../store/templates/index.ts';
import { freeName } from '../../../store/unique.ts';
import { requireAssignment } from '../../templates/index.ts';
import { assignmentEvent, checkTemplate, ownTemplate } from './assignment.ts';
import { type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { stateFact } from './review-text.ts';

export const assignmentRemove: ChangeKind<'assignment_remove', Assignment> = {
  action: () => 'assignment_change',
  policy: (_, inForce) => inForce('assignment_change'),
  read: (services, account, change) => requireAssignment(services, account, change.assignment_id),
  check: checkTemplate,
  summary: (_, { module }) => `remove the assignment of ${module}`,
  tried: ownTemplate,
  affected: ownTemplate,

  view(view, { assignment_id }) {
    return { ...view, assignments: view.assignments.filter(({ id }) => id !== assignment_id) };
  },

  instance: sameInstance,

  writes({ operation, change, rows: was, at }) {
    return [
      removeAssignment(was),
      freeName({
        account: was.account,
        kind: 'assignment',
        value: `${was.template_id}/${was.module}`,
      }),
      assignmentEvent({ operation, change, at }, 'gantry.assignment.removed', was.module),
    ];
  },

  review({ template_id }, { module }) {
    const facts = [
      ...stateFact('template', template_id),
      { name: 'module', was: module, now: null },
    ];
    return { facts, warnings: [] };
  },

  follow: nothingFollows,
};

/** The change that a request to remove an assignment means. */
export function removalOf({
  id: assignment_id,
  template_id,
}: Pick<Assignment, 'id' | 'template_id'>): Change<'assignment_remove'> {
  return { kind: 'assignment_remove', assignment_id, template_id };
}
