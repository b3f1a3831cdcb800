import { GantryError } from '../../base/error.ts';
import { listNearest } from '../../base/nearest.ts';
import type { Trial } from '../../contract/preview/index.ts';
import type { Change } from '../../domain/operations/index.ts';
import { type Assignment, listNamesakes, type Template } from '../../domain/templates/index.ts';
import type { Services } from '../context/index.ts';
import {
  additionOf,
  assignmentUpdateOf,
  promotionOf,
  removalOf,
  reservationChangeOf,
} from '../operations/index.ts';

/** Returns the change of a trial. Throws the same errors as a request for it. */
export async function changeOf(
  services: Services,
  { account, id: template_id }: Template,
  assignments: readonly Assignment[],
  trial: Trial,
): Promise<Change> {
  switch (trial.kind) {
    case 'version_promote':
      return promotionOf(services, account, trial);
    case 'reservation_change':
      return reservationChangeOf(trial);
    case 'assignment_add':
      return additionOf(services, account, { ...trial, template_id });
    case 'assignment_update': {
      const { kind: _, module, ...set } = trial;
      return assignmentUpdateOf(requireAssigned(account, module, assignments), set);
    }
    case 'assignment_remove':
      return removalOf(requireAssigned(account, trial.module, assignments));
  }
}

/**
 * The assignment of a module as people name it: a bare name is the own account's, else
 * `powernode`'s.
 */
function requireAssigned(
  own: string,
  reference: string,
  assignments: readonly Assignment[],
): Assignment {
  const names = listNamesakes(reference, own);
  const found = names.flatMap((name) => assignments.find(({ module }) => module === name) ?? [])[0];
  if (found !== undefined) return found;

  const expected = assignments.map(({ module }) => module);
  throw new GantryError(
    'not_found',
    `expected a module that is assigned to the template, found "${reference}"; it has ${listNearest(reference, expected)}`,
    { field: 'module', expected, found: reference },
  );
}
