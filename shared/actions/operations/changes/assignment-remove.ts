import type { Change } from '../../../domain/operations/index.ts';
import type { Assignment } from '../../../domain/templates/index.ts';
import { removeAssignment } from '../../../store/templates/index.ts';
import { freeName } from '../../../store/unique.ts';
import {
  type AssignmentRows,
  assignmentEvent,
  assignmentLabel,
  checkTemplate,
  ownTemplate,
  readAssignment,
} from './assignment.ts';
import { type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { stateFact } from './review-text.ts';

export const assignmentRemove: ChangeKind<'assignment_remove', AssignmentRows> = {
  action: () => 'assignment_change',
  policy: (_, inForce) => inForce('assignment_change'),
  read: readAssignment,
  check: (change, { assignment }) => checkTemplate(change, assignment),
  summary: (_, rows, account) => `remove the assignment of ${assignmentLabel(rows, account)}`,
  tried: ownTemplate,
  affected: ownTemplate,

  view(view, { assignment_id }) {
    return { ...view, assignments: view.assignments.filter(({ id }) => id !== assignment_id) };
  },

  instance: sameInstance,

  writes({ operation, change, rows: { assignment: was }, at }) {
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

  review(_, { assignment, template }) {
    const facts = [
      ...stateFact('template', template.name),
      { name: 'module', was: assignment.module, now: null },
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
