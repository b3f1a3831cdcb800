import type { Change, ChangeName } from '../../../domain/operations/index.ts';
import { assignmentAdd } from './assignment-add.ts';
import { assignmentRemove } from './assignment-remove.ts';
import { assignmentUpdate } from './assignment-update.ts';
import type { ChangeKind } from './change-kind.ts';
import { dependencyUpdate } from './dependency-update.ts';
import { instanceUpdate } from './instance-update.ts';
import { memberChange } from './member-change.ts';
import { moduleUpdate } from './module-update.ts';
import { policyChange } from './policy-change.ts';
import { quarantineResume } from './quarantine-resume.ts';
import { reservationChange } from './reservation-change.ts';
import { rollbackReview } from './rollback-review.ts';
import { versionPromote } from './version-promote.ts';
import { versionRollback } from './version-rollback.ts';
import { versionWithholdings } from './version-withhold.ts';

/**
 * Every kind of change. The compiler names a kind that is missing; nothing else has to know the
 * kinds.
 */
export const changeKinds: { [Name in ChangeName]: ChangeKind<Name> } = {
  version_promote: versionPromote,
  version_rollback: versionRollback,
  rollback_review: rollbackReview,
  ...versionWithholdings,
  assignment_add: assignmentAdd,
  assignment_update: assignmentUpdate,
  assignment_remove: assignmentRemove,
  dependency_update: dependencyUpdate,
  reservation_change: reservationChange,
  module_update: moduleUpdate,
  quarantine_resume: quarantineResume,
  member_change: memberChange,
  instance_update: instanceUpdate,
  policy_change: policyChange,
};

/** Returns the entry of the table for a change. */
export function kindOf<Name extends ChangeName>(change: Change<Name>): ChangeKind<Name> {
  return changeKinds[change.kind];
}
