import type { Change } from '../../../domain/operations/index.ts';
import type { Assignment, Metadata } from '../../../domain/templates/index.ts';
import { putAssignment } from '../../../store/templates/index.ts';
import {
  type AssignmentRows,
  assignmentEvent,
  assignmentLabel,
  checkConstraint,
  checkTemplate,
  ownTemplate,
  readAssignment,
} from './assignment.ts';
import { type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { refuseMerged } from './merged-metadata.ts';
import { fieldFacts, stateFact } from './review-text.ts';

type Update = Change<'assignment_update'>;

export const assignmentUpdate: ChangeKind<'assignment_update', AssignmentRows> = {
  action: () => 'assignment_change',
  policy: (_, inForce) => inForce('assignment_change'),
  read: readAssignment,

  check(change, { assignment }) {
    checkTemplate(change, assignment);
    checkConstraint(change.constraint);
    const { metadata, module } = assignment;
    refuseMerged(change.from_metadata, metadata, `the assignment of ${module}`);
  },

  summary: (_, rows, account) => `change the assignment of ${assignmentLabel(rows, account)}`,
  tried: ownTemplate,
  affected: ownTemplate,

  view(view, change) {
    const assignments = view.assignments.map((row) =>
      row.id === change.assignment_id ? withUpdate(row, change) : row,
    );
    return { ...view, assignments };
  },

  instance: sameInstance,

  writes({ operation, change, rows: { assignment: was }, at }) {
    return [
      putAssignment(was, { ...withUpdate(was, change), updated_at: at }),
      assignmentEvent({ operation, change, at }, 'gantry.assignment.updated', was.module),
    ];
  },

  review(change, { assignment, template }) {
    const { kind: _, assignment_id: __, from_metadata: ___, template_id: ____, ...set } = change;
    const facts = [
      ...stateFact('template', template.name),
      ...stateFact('module', assignment.module),
      ...fieldFacts(set, { ...assignment }),
    ];
    return { facts, warnings: [] };
  },

  follow: nothingFollows,
};

export interface UpdateInput {
  constraint?: string | null;
  metadata?: Metadata;
  /** `metadataHash` of what the metadata was merged with. */
  from_metadata?: string;
  effective_priority?: number | null;
}

/**
 * The change that a request to change an assignment means. Throws `invalid_request` for the
 * constraint.
 */
export function assignmentUpdateOf(
  { id: assignment_id, template_id }: Pick<Assignment, 'id' | 'template_id'>,
  set: UpdateInput,
): Update {
  checkConstraint(set.constraint);
  return { kind: 'assignment_update', assignment_id, template_id, ...set };
}

/** An assignment with the fields that the change names; the others stay. */
function withUpdate(row: Assignment, change: Update): Assignment {
  const {
    constraint = row.constraint,
    metadata = row.metadata,
    effective_priority = row.effective_priority,
  } = change;
  return { ...row, constraint, metadata, effective_priority };
}
