import { GantryError } from '../../../base/error.ts';
import { changedAssignment } from '../../../domain/compose/index.ts';
import { canPromote, type Version, type VersionApproval } from '../../../domain/modules/index.ts';
import type { Change, Operation } from '../../../domain/operations/index.ts';
import type { Assignment } from '../../../domain/templates/index.ts';
import type { Write } from '../../../store/db.ts';
import { createEvent } from '../../../store/event.ts';
import { updateInstance } from '../../../store/machines/index.ts';
import { getModule, getVersion, moveLive, moveVersion } from '../../../store/modules/index.ts';
import { getPolicy, putPolicy } from '../../../store/operations/index.ts';
import {
  createAssignment,
  findAssignment,
  getTemplate,
  putAssignment,
  removeAssignment,
} from '../../../store/templates/index.ts';
import { freeName, nameOwner, takeName } from '../../../store/unique.ts';
import { nowIso, type Services } from '../../context/index.ts';
import { approvalOf } from '../approvals/request-approval.ts';
import { requireMachine } from './change-instance.ts';
import { assertPromotable } from './promote-version.ts';
import { checkReservations, reservationWrites } from './reservations.ts';
import { resumeWrites } from './resume-quarantine.ts';
import { checkModuleUpdate, moduleUpdateWrites } from './update-module.ts';

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;

/** Fails with a coded error when a change could not be applied to what is there now. */
export async function checkChange(
  services: Services,
  operation: Pick<Operation, 'account' | 'change'>,
): Promise<void> {
  const { account, change } = operation;
  switch (change.kind) {
    case 'promote_version':
      await promotable(services, account, change);
      return;
    case 'assign_module': {
      if ((await getTemplate(services.db, account, change.template_id)) === null) {
        throw gone('template', change.template_id);
      }
      const owner = await nameOwner(
        services.db,
        account,
        'assignment',
        `${change.template_id}/${change.module}`,
      );
      if (owner !== null && owner !== change.assignment_id) throw assignedTwice(change);
      return;
    }
    case 'update_assignment':
    case 'remove_assignment':
      await requireAssignment(services, account, change.assignment_id);
      return;
    case 'change_reservations':
      await checkReservations(services, account, change);
      return;
    case 'update_module':
      await checkModuleUpdate(services, account, change);
      return;
    case 'update_instance':
      await requireMachine(services, account, change.instance_id);
      return;
    case 'resume_quarantine':
    case 'change_policy':
      return;
  }
}

/**
 * The writes that apply a change, each with its condition. That the templates which it was checked against stand as they
 * did is a condition of its own: see `planWrites`.
 */
export async function changeWrites(services: Services, operation: Operation): Promise<Write[]> {
  const { account, change } = operation;
  switch (change.kind) {
    case 'promote_version':
      return promotionWrites(services, operation, change);
    case 'assign_module':
      return [
        ...assignWrites(services, account, change),
        assignmentEvent(services, operation, change, change.module),
      ];
    case 'update_assignment': {
      const was = await requireAssignment(services, account, change.assignment_id);
      const next = { ...changedAssignment(was, change), updated_at: nowIso(services) };
      const event = assignmentEvent(services, operation, change, was.module);
      return [putAssignment(next, was.updated_at), event];
    }
    case 'remove_assignment': {
      const was = await requireAssignment(services, account, change.assignment_id);
      const name = freeName(account, 'assignment', `${was.template_id}/${was.module}`);
      const event = assignmentEvent(services, operation, change, was.module);
      return [removeAssignment(was), name, event];
    }
    case 'change_reservations':
      return reservationWrites(services, operation, change);
    case 'update_module':
      return moduleUpdateWrites(services, operation, change);
    case 'resume_quarantine':
      return resumeWrites(services, account);
    case 'update_instance': {
      const was = await requireMachine(services, account, change.instance_id);
      const { kind: _, instance_id: __, ...set } = change;
      const at = nowIso(services);
      const event = createEvent({
        type: 'gantry.instance.changed',
        account,
        subject: `instance/${was.id}`,
        actor: operation.requested_by,
        at,
        data: { changed: Object.keys(set), operation_id: operation.id },
      });
      return [updateInstance(was, { ...set, updated_at: at }), event];
    }
    case 'change_policy': {
      const was = await getPolicy(services.db, account, change.policy.action);
      return [putPolicy(account, change.policy, was), policyEvent(services, operation, change)];
    }
  }
}

function policyEvent(
  services: Services,
  operation: Operation,
  { policy }: Of<'change_policy'>,
): Write {
  const { action, ...data } = policy;
  return createEvent({
    type: 'gantry.policy.changed',
    account: operation.account,
    subject: `policy/${action}`,
    actor: operation.requested_by,
    at: nowIso(services),
    data: { ...data, operation_id: operation.id },
  });
}

function assignmentEvent(
  services: Services,
  operation: Operation,
  change: Of<'assign_module' | 'update_assignment' | 'remove_assignment'>,
  module: string,
): Write {
  return createEvent({
    type: 'gantry.assignment.changed',
    account: operation.account,
    subject: `assignment/${change.assignment_id}`,
    actor: operation.requested_by,
    at: nowIso(services),
    data: {
      change: change.kind,
      template_id: change.template_id,
      module,
      operation_id: operation.id,
    },
  });
}

async function promotionWrites(
  services: Services,
  operation: Operation,
  change: Of<'promote_version'>,
): Promise<Write[]> {
  const { account } = operation;
  const { version, live } = await promotable(services, account, change);
  const at = nowIso(services);
  const approvals = [...version.approvals, ...(await approvalsOf(services, operation))];
  const writes: Write[] = [];
  if (change.to === 'live') {
    writes.push(
      moveVersion(version, 'live', at, { was_live: true, approvals }),
      moveLive(account, change.module, live, version.id),
    );
    const previous = live === null ? null : await getVersion(services.db, account, live);
    if (previous !== null) {
      writes.push(
        moveVersion(previous, 'blessed', at),
        versionEvent(operation, previous, 'superseded', at),
      );
    }
  } else {
    writes.push(moveVersion(version, change.to, at, { approvals }));
    if (live === version.id) writes.push(moveLive(account, change.module, live, null));
  }
  writes.push(
    versionEvent(operation, version, change.to === 'retired' ? 'retired' : 'promoted', at),
  );
  return writes;
}

/**
 * The version of a promotion and what is live, if the promotion can still be what was asked for. When it was asked its step
 * was legal; what does not fit any more was changed by another request: of two promotions to live one wins.
 */
async function promotable(
  services: Services,
  account: string,
  change: Of<'promote_version'>,
): Promise<{ version: Version; live: string | null }> {
  const version = await requireVersion(services, account, change.version_id);
  const module = await getModule(services.db, account, change.module);
  if (module === null) throw gone('module', change.module);
  if (!canPromote(version.promotion_state, change.to)) {
    throw raced(
      `${nameOf(version)} is ${version.promotion_state} by now and cannot become ${change.to}`,
    );
  }
  assertPromotable(version, change.to);
  const live = module.live_version_id;
  if (change.to === 'live' && live !== (change.replaces ?? null)) {
    const now = live === null ? null : await getVersion(services.db, account, live);
    throw raced(
      `${now === null ? 'no version' : nameOf(now)} is live by now, which was not so when this was asked`,
    );
  }
  return { version, live };
}

function nameOf({ module, version_string }: Version): string {
  return `${module} ${version_string}`;
}

function raced(found: string): GantryError {
  return new GantryError('promotion_raced', `another promotion was faster: ${found}; ask again`);
}

/** Who approved the operation, as versions keep it. */
async function approvalsOf(services: Services, operation: Operation): Promise<VersionApproval[]> {
  const approval = await approvalOf(services, operation);
  const { id: operation_id, action } = operation;
  return (approval?.decisions ?? [])
    .filter(({ decision }) => decision === 'approve')
    .map(({ reviewer_email, decided_at }) => ({
      operation_id,
      action,
      reviewer: reviewer_email,
      decided_at,
    }));
}

function versionEvent(
  operation: Operation,
  version: Version,
  verb: 'promoted' | 'superseded' | 'retired',
  at: string,
): Write {
  return createEvent({
    type: `gantry.version.${verb}`,
    account: operation.account,
    subject: `version/${version.id}`,
    actor: operation.requested_by,
    at,
    data: {
      module: version.module,
      version: version.version_string,
      from: version.promotion_state,
      operation_id: operation.id,
    },
  });
}

function assignWrites(services: Services, account: string, change: Of<'assign_module'>): Write[] {
  const at = nowIso(services);
  const { kind: _, assignment_id: id, ...rest } = change;
  const name = `${change.template_id}/${change.module}`;
  return [
    createAssignment({ ...rest, account, id, created_at: at, updated_at: at }),
    takeName(account, 'assignment', name, id, () => assignedTwice(change)),
  ];
}

async function requireVersion(services: Services, account: string, id: string): Promise<Version> {
  const version = await getVersion(services.db, account, id);
  if (version === null) throw gone('version', id);
  return version;
}

async function requireAssignment(
  services: Services,
  account: string,
  id: string,
): Promise<Assignment> {
  const assignment = await findAssignment(services.db, account, id);
  if (assignment === null) throw gone('assignment', id);
  return assignment;
}

function assignedTwice(change: Of<'assign_module'>): GantryError {
  return new GantryError(
    'already_exists',
    `module "${change.module}" is assigned to the template already`,
    {
      found: change.template_id,
    },
  );
}

function gone(noun: string, id: string): GantryError {
  return new GantryError('not_found', `expected ${noun} ${id}, which is not there (any more)`);
}
