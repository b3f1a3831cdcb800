export { affectedTemplates, digestOf } from './affected-templates.ts';
export { approvalLink } from './approvals/approval-link.ts';
export { decideApproval, decideByLink, openApprovalLink } from './approvals/decide-approval.ts';
export {
  assignModule,
  checkConstraint,
  removeAssignment,
  updateAssignment,
} from './changes/assign-module.ts';
export { changeInstance, requireInstance, requireMachine } from './changes/change-instance.ts';
export { changePolicy } from './changes/change-policy.ts';
export { assertPromotable, promoteVersion } from './changes/promote-version.ts';
export { changeReservations, reservationChange } from './changes/reservations.ts';
export { budgetOf } from './changes/resume-quarantine.ts';
export { updateModule } from './changes/update-module.ts';
export { checkChange } from './changes/writes.ts';
export { executionName, requestOperation } from './request-operation.ts';
export { runOperationStep } from './run-operation.ts';
export { sweepOperations } from './sweep-operations.ts';
export { withdrawOperation } from './withdraw-operation.ts';
