import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Change } from '../../domain/operations/index.ts';
import {
  type AssignmentFields,
  compareAssignments,
  listNamesakes,
  type WantedAssignment,
} from '../../domain/templates/index.ts';
import { listAssignments } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { resolveModule } from '../modules/index.ts';
import { requireTemplate } from '../templates/index.ts';
import { additionOf } from './changes/assignment-add.ts';
import { removalOf } from './changes/assignment-remove.ts';
import { assignmentUpdateOf } from './changes/assignment-update.ts';

/** An assignment as people name it. What is left out has its default. */
export type AskedAssignment = { module: string } & Partial<AssignmentFields>;

/**
 * The changes that make the assignments of a template match a list; none if they match. Throws
 * `not_found` for a module that the account cannot see, `invalid_request` for one that is named
 * twice and for a constraint that is not a semver range.
 */
export async function assignmentChangesOf(
  services: Services,
  account: string,
  { template_id, assignments }: { template_id: string; assignments: readonly AskedAssignment[] },
): Promise<Change[]> {
  await requireTemplate(services, account, template_id);
  const present = await listAssignments(services.db, account, template_id);
  const assigned = new Set(present.map(({ module }) => module));

  const wanted = await mapConcurrently(
    assignments,
    limits.storeReadsAtOnce,
    async (one): Promise<WantedAssignment> => {
      const known = listNamesakes(one.module, account).find((name) => assigned.has(name));
      const { constraint = null, metadata = {}, effective_priority = null } = one;
      const module = known ?? (await fullNameOf(services, account, one.module));
      return { module, constraint, metadata, effective_priority };
    },
  );

  const { add, update, remove } = compareAssignments(present, wanted);
  const additions = await mapConcurrently(add, limits.storeReadsAtOnce, (one) =>
    additionOf(services, account, { template_id, ...one }),
  );
  return [
    ...remove.map(removalOf),
    ...update.map(({ assignment, set }) => assignmentUpdateOf(assignment, set)),
    ...additions,
  ];
}

async function fullNameOf(services: Services, own: string, reference: string): Promise<string> {
  const { account, name } = await resolveModule(services, own, reference);
  return `${account}/${name}`;
}
