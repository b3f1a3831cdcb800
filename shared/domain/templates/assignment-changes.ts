import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/error.ts';
import type { Assignment } from './template.ts';

/** What people decide about an assignment. */
export type AssignmentFields = Pick<Assignment, 'constraint' | 'metadata' | 'effective_priority'>;

/** An assignment as a template should have it, by the full name of its module. */
export type WantedAssignment = Pick<Assignment, 'module'> & AssignmentFields;

export interface AssignmentChanges {
  add: WantedAssignment[];
  /** With the fields that differ. */
  update: { assignment: Assignment; set: Partial<AssignmentFields> }[];
  remove: Assignment[];
}

/**
 * The changes that make the assignments of a template match a list. All are empty if they match.
 * Throws `invalid_request` for a module that the list has twice.
 */
export function compareAssignments(
  present: readonly Assignment[],
  wanted: readonly WantedAssignment[],
): AssignmentChanges {
  refuseTwice(wanted);
  const byModule = new Map(present.map((row) => [row.module, row]));
  const names = new Set(wanted.map(({ module }) => module));

  return {
    add: wanted.filter(({ module }) => !byModule.has(module)),
    update: wanted.flatMap((one) => {
      const assignment = byModule.get(one.module);
      const set = assignment === undefined ? {} : differing(assignment, one);
      return assignment === undefined || Object.keys(set).length === 0 ? [] : [{ assignment, set }];
    }),
    remove: present.filter(({ module }) => !names.has(module)),
  };
}

function refuseTwice(wanted: readonly WantedAssignment[]): void {
  const names = wanted.map(({ module }) => module);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;

  throw new GantryError('invalid_request', `expected each module once, found ${twice} twice`, {
    field: 'assignments',
    found: twice,
  });
}

function differing(was: AssignmentFields, wanted: AssignmentFields): Partial<AssignmentFields> {
  const { constraint, metadata, effective_priority } = wanted;
  return {
    ...(was.constraint === constraint ? {} : { constraint }),
    ...(isDeepStrictEqual(was.metadata, metadata) ? {} : { metadata }),
    ...(was.effective_priority === effective_priority ? {} : { effective_priority }),
  };
}
