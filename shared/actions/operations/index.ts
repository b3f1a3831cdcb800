export { affectedTemplates, templateTracksUsing } from './affected-templates.ts';
export { approvalLink } from './approvals/approval-link.ts';
export { decideApproval, decideByLink, openApprovalLink } from './approvals/decide-approval.ts';
export { reviewApproval, showApproval } from './approvals/review-approval.ts';
export { assignmentChangesOf } from './assignment-changes.ts';
export { viewsOf, viewsOfOperation } from './changed-views.ts';
export { additionOf } from './changes/assignment-add.ts';
export { removalOf } from './changes/assignment-remove.ts';
export { assignmentUpdateOf } from './changes/assignment-update.ts';
export type { Affected, NoticeText } from './changes/change-kind.ts';
export { kindOf } from './changes/index.ts';
export {
  policiesUnmeetable,
  rolesNotice,
  rolesText,
  roleWrites,
  type Standing,
  unmeetableError,
} from './changes/member-change.ts';
export { moduleUpdateOf } from './changes/module-update.ts';
export { budgetOf } from './changes/quarantine-resume.ts';
export { reservationChangeOf } from './changes/reservation-change.ts';
export { promotionOf } from './changes/version-promote.ts';
export { createMachine, refuseUnreviewed } from './create-machine.ts';
export { nameOf, readNames, readWithholders } from './name-of.ts';
export { makeNotice, sendDueNotices, sendNotice } from './notices.ts';
export { changeWrites, checkChanges, operationWrites } from './operation-writes.ts';
export { proposeUpdates } from './propose-updates.ts';
export { isOfKind, nameActors, readHistory } from './read-history.ts';
export { readReviewers } from './read-reviewers.ts';
export { executionName, requestChanges } from './request-changes.ts';
export {
  assignModule,
  changePolicy,
  changeReservations,
  promoteVersion,
  removeAssignment,
  rollBackModule,
  updateAssignment,
  updateInstance,
  updateModule,
  withholdVersion,
} from './requests.ts';
export { requireApproval, requireOperation } from './require-operation.ts';
export { fingerprintOf } from './same-request.ts';
export { runOperationStep } from './steps.ts';
export { sweepOperations } from './sweep-operations.ts';
export { digestOf } from './template-plan.ts';
export { readTrustLosses } from './trust-losses.ts';
export { withdrawOperation } from './withdraw-operation.ts';
