import semver from 'semver';
import { GantryError } from '../../../base/error.ts';
import { newId } from '../../../base/ids.ts';
import type { Caller } from '../../../domain/accounts/index.ts';
import type { Operation } from '../../../domain/operations/index.ts';
import { type Metadata, moduleLabel } from '../../../domain/templates/index.ts';
import type { Services } from '../../context/index.ts';
import { resolveModule } from '../../modules/index.ts';
import { requireAssignment, requireTemplate } from '../../templates/index.ts';
import { requestOperation } from '../request-operation.ts';

/** Asks for a module to be added to a template. Answers the id that the assignment has once it is applied. */
export async function assignModule(
  services: Services,
  caller: Caller,
  input: {
    template_id: string;
    module: string;
    constraint?: string | null;
    metadata?: Metadata;
    effective_priority?: number | null;
  },
): Promise<{ operation: Operation; assignment_id: string }> {
  const template = await requireTemplate(services, caller.account, input.template_id);
  const { account, name } = await resolveModule(services, caller.account, input.module);
  checkConstraint(input.constraint);
  const assignment_id = newId('assignment');
  const module = `${account}/${name}`;
  const operation = await requestOperation(
    services,
    caller,
    'assignment_change',
    {
      kind: 'assign_module',
      assignment_id,
      template_id: template.id,
      module,
      constraint: input.constraint ?? null,
      metadata: input.metadata ?? {},
      effective_priority: input.effective_priority ?? null,
    },
    `assign ${moduleLabel(caller.account, account, name)} to template ${template.name}`,
  );
  return { operation, assignment_id };
}

/** Asks for an assignment's constraint, metadata or priority to be changed; what is left out stays. */
export async function updateAssignment(
  services: Services,
  caller: Caller,
  input: {
    id: string;
    constraint?: string | null;
    metadata?: Metadata;
    effective_priority?: number | null;
  },
): Promise<Operation> {
  const assignment = await requireAssignment(services, caller.account, input.id);
  checkConstraint(input.constraint);
  const { id, ...set } = input;
  const change = {
    kind: 'update_assignment',
    assignment_id: id,
    template_id: assignment.template_id,
    ...set,
  } as const;
  return requestOperation(
    services,
    caller,
    'assignment_change',
    change,
    `change the assignment of ${assignment.module}`,
  );
}

/** Asks for a module to be taken out of its template. */
export async function removeAssignment(
  services: Services,
  caller: Caller,
  id: string,
): Promise<Operation> {
  const assignment = await requireAssignment(services, caller.account, id);
  const change = {
    kind: 'remove_assignment',
    assignment_id: id,
    template_id: assignment.template_id,
  } as const;
  return requestOperation(
    services,
    caller,
    'assignment_change',
    change,
    `remove the assignment of ${assignment.module}`,
  );
}

export function checkConstraint(constraint: string | null | undefined): void {
  if (constraint === null || constraint === undefined || semver.validRange(constraint) !== null)
    return;
  throw new GantryError(
    'invalid_request',
    `expected a semver range such as "^1.0", found "${constraint}"`,
    {
      field: 'constraint',
      found: constraint,
    },
  );
}
