import type { UpdateModuleBody } from '../../contract/modules/index.ts';
import type { ChangePolicyBody } from '../../contract/operations/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Action, Operation } from '../../domain/operations/index.ts';
import type { Services } from '../context/index.ts';
import { requireAssignment } from '../templates/index.ts';
import { type AdditionInput, additionOf } from './changes/assignment-add.ts';
import { removalOf } from './changes/assignment-remove.ts';
import { assignmentUpdateOf, type UpdateInput } from './changes/assignment-update.ts';
import { type InstanceInput, instanceUpdateOf } from './changes/instance-update.ts';
import { moduleUpdateOf } from './changes/module-update.ts';
import { policyChangeOf } from './changes/policy-change.ts';
import { reservationChangeOf } from './changes/reservation-change.ts';
import { type PromotionInput, promotionOf } from './changes/version-promote.ts';
import { type RollbackInput, rollbackOf } from './changes/version-rollback.ts';
import { withholdingChangeOf } from './changes/version-withhold.ts';
import { checkChanges } from './operation-writes.ts';
import { requestChanges } from './request-changes.ts';
import { refuseSilentQuarantine } from './trust-losses.ts';

/**
 * Requests a promotion. One that the version's state does not allow is refused before anything is
 * recorded, and so is the retirement of what is in use.
 */
export async function promoteVersion(
  services: Services,
  caller: Caller,
  { id, ...input }: Omit<PromotionInput, 'version_id'> & { id: string },
): Promise<Operation> {
  const change = await promotionOf(services, caller.account, { version_id: id, ...input });
  return requestChanges(services, caller, [change]);
}

/** Requests that a module goes back to a version that was live before. */
export async function rollBackModule(
  services: Services,
  caller: Caller,
  input: RollbackInput,
): Promise<Operation> {
  return requestChanges(services, caller, [await rollbackOf(services, caller.account, input)]);
}

/** Requests that a version is yanked, quarantined, or that this is lifted. */
export async function withholdVersion(
  services: Services,
  caller: Caller,
  input: Parameters<typeof withholdingChangeOf>[2],
): Promise<Operation> {
  const change = await withholdingChangeOf(services, caller.account, input);
  return requestChanges(services, caller, [change]);
}

/** Requests that a module is added to a template. Returns the id of the future assignment. */
export async function assignModule(
  services: Services,
  caller: Caller,
  input: AdditionInput,
): Promise<{ operation: Operation; assignment_id: string }> {
  const change = await additionOf(services, caller.account, input);
  const operation = await requestChanges(services, caller, [change]);
  return { operation, assignment_id: change.assignment_id };
}

/**
 * Requests that an assignment's constraint, metadata or priority is changed; what is left out
 * stays.
 */
export async function updateAssignment(
  services: Services,
  caller: Caller,
  { id, ...set }: UpdateInput & { id: string },
): Promise<Operation> {
  const assignment = await requireAssignment(services, caller.account, id);
  return requestChanges(services, caller, [assignmentUpdateOf(assignment, set)]);
}

/** Requests that a module is taken out of its template. */
export async function removeAssignment(
  services: Services,
  caller: Caller,
  id: string,
): Promise<Operation> {
  const assignment = await requireAssignment(services, caller.account, id);
  return requestChanges(services, caller, [removalOf(assignment)]);
}

/**
 * Requests to grant or revoke reservations of a module. A reservation is a pattern of its
 * `protected_spec`. It protects every matching path in every template that has the module
 * (product.md, section 7). Throws `reservation_unknown`.
 */
export async function changeReservations(
  services: Services,
  caller: Caller,
  input: { module: string; grant?: string[]; revoke?: string[] },
): Promise<Operation> {
  const change = reservationChangeOf(input);
  await checkChanges(services, { account: caller.account, changes: [change] });
  return requestChanges(services, caller, [change]);
}

/**
 * Requests that a registration is changed; what is left out stays, lists are replaced whole. Throws
 * `in_use` for a change without approval that would quarantine what compositions use.
 */
export async function updateModule(
  services: Services,
  caller: Caller,
  name: string,
  input: UpdateModuleBody,
): Promise<Operation> {
  const change = await moduleUpdateOf(services, caller.account, name, input);
  await refuseSilentQuarantine(services, caller.account, change);
  return requestChanges(services, caller, [change]);
}

/**
 * Requests that a machine's metadata (replaced whole), track or clusters are changed; what is left
 * out stays.
 */
export async function updateInstance(
  services: Services,
  caller: Caller,
  input: InstanceInput & { id: string },
): Promise<Operation> {
  const change = await instanceUpdateOf(services, caller.account, input);
  return requestChanges(services, caller, [change]);
}

/**
 * Requests that an intervention policy is changed; what is left out stays. The change itself must
 * satisfy the present policy.
 */
export async function changePolicy(
  services: Services,
  caller: Caller,
  input: { action: Action } & ChangePolicyBody,
): Promise<Operation> {
  const change = await policyChangeOf(services, caller.account, input);
  return requestChanges(services, caller, [change]);
}
