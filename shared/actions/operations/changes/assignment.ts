import { GantryError } from '../../../base/error.ts';
import { expectedRange, parseVersionRange } from '../../../domain/modules/index.ts';
import type { Change } from '../../../domain/operations/index.ts';
import {
  type Assignment,
  moduleLabel,
  splitModule,
  type Template,
} from '../../../domain/templates/index.ts';
import { createEvent } from '../../../store/event.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';
import { requireAssignment, requireTemplate } from '../../templates/index.ts';
import type { Affected, Applied } from './change-kind.ts';

type AssignmentChange = Change<'assignment_add' | 'assignment_update' | 'assignment_remove'>;

/** An assignment that exists, and the template that has it. */
export interface AssignmentRows {
  assignment: Assignment;
  template: Template;
}

/** Throws `not_found`. */
export async function readAssignment(
  services: Services,
  account: string,
  { assignment_id }: Pick<AssignmentChange, 'assignment_id'>,
): Promise<AssignmentRows> {
  const assignment = await requireAssignment(services, account, assignment_id);
  const template = await requireTemplate(services, account, assignment.template_id);
  return { assignment, template };
}

/** The assignment as people name it: "redis in template web". */
export function assignmentLabel(
  { assignment: { module }, template }: AssignmentRows,
  account: string,
): string {
  const { account: owner, name } = splitModule(module, account);
  return `${moduleLabel(account, owner, name)} in template ${template.name}`;
}

/** A change of an assignment affects the template that has it. */
export function ownTemplate({ template_id }: AssignmentChange): Affected {
  return { of: 'template', template_id };
}

/**
 * Throws `invalid_request` where a change names another template than the one that has the
 * assignment: that one would be altered, and not composed with the change.
 */
export function checkTemplate(
  { template_id: expected }: Pick<AssignmentChange, 'template_id'>,
  { id, template_id: found }: Assignment,
): void {
  if (expected === found) return;
  throw new GantryError(
    'invalid_request',
    `expected assignment ${id} to be of template ${expected}, found it in template ${found}`,
    { field: 'template_id', expected, found },
  );
}

/**
 * Throws `invalid_request` for a text that is not a version range; null and undefined mean any
 * version.
 */
export function checkConstraint(constraint: string | null | undefined): void {
  if (constraint === null || constraint === undefined || parseVersionRange(constraint) !== null)
    return;
  throw new GantryError(
    'invalid_request',
    `expected ${expectedRange(constraint)}, found "${constraint}"`,
    { field: 'constraint', found: constraint },
  );
}

export function assignmentEvent(
  {
    operation,
    change,
    at,
  }: { change: AssignmentChange } & Pick<Applied<never, never>, 'operation' | 'at'>,
  type: `gantry.assignment.${'added' | 'updated' | 'removed'}`,
  module: string,
): Write {
  const {
    kind: _,
    assignment_id,
    template_id,
    module: __,
    from_metadata: ___,
    ...set
  } = { module, from_metadata: '', ...change };
  return createEvent({
    type,
    account: operation.account,
    subject: `assignment/${assignment_id}`,
    actor: operation.requested_by,
    at,
    data: { template_id, module, ...set, operation_id: operation.id },
  });
}
