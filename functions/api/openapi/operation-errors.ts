import type { z } from 'zod';
import { type ErrorCode, errorStatus } from '../../../shared/base/error-codes.ts';
import { type Route, takesKey } from '../route.ts';

/** Why a change is refused before it becomes an operation. */
const changeErrors: readonly ErrorCode[] = [
  'policy_denied',
  'operation_raced',
  'change_too_wide',
  'composition_unsatisfied',
  'composition_protected_conflict',
  'composition_type_conflict',
  'capability_conflict',
  'composition_ambiguous',
  'composition_cycle',
  'composition_platform_mismatch',
];

const registrationErrors: readonly ErrorCode[] = [
  'policy_missing',
  'key_invalid',
  'regexp_invalid',
  'regexp_unanchored',
  'trusted_root_invalid',
  'reference_invalid',
  'category_unknown',
];

const versionErrors: readonly ErrorCode[] = [...changeErrors, 'promotion_state_invalid'];

/** What an operation refuses besides what its form says, by its id. */
export const specialErrors: Readonly<Record<string, readonly ErrorCode[]>> = {
  createAccount: ['already_exists', 'account_creating', 'key_invalid'],
  inviteMember: ['already_exists', 'policy_denied'],
  updateMember: ['quorum_unmeetable', 'policy_denied'],
  deleteMember: ['quorum_unmeetable'],
  acceptInvitation: ['invitation_invalid'],
  createCategory: ['already_exists'],
  updateCategory: ['already_exists', 'in_use', 'change_too_wide'],
  deleteCategory: ['in_use'],
  setRegistry: ['reference_invalid'],
  registerModule: [...registrationErrors, 'already_exists', 'modules_too_many'],
  updateModule: [...registrationErrors, ...changeErrors, 'in_use', 'modules_too_many'],
  pollModule: ['module_archived'],
  deleteModule: ['in_use'],
  updateModuleReservation: [...changeErrors, 'reservation_unknown'],
  rollbackModule: [...versionErrors, 'rollback_impossible'],
  promoteVersion: [...versionErrors, 'version_quarantined', 'version_held', 'in_use'],
  yankVersion: versionErrors,
  unyankVersion: versionErrors,
  quarantineVersion: versionErrors,
  releaseVersion: versionErrors,
  withdrawOperation: ['approval_decided'],
  decideApproval: [
    'self_approval',
    'approval_decided',
    'approval_expired',
    'approval_withdrawn',
    'frozen',
  ],
  updatePolicy: ['policy_denied', 'quorum_unmeetable', 'operation_raced'],
  createTemplate: ['already_exists'],
  updateTemplate: ['already_exists'],
  deleteTemplate: ['in_use'],
  previewTemplate: ['composition_too_large', 'change_too_wide'],
  createTemplateAssignment: [...changeErrors, 'already_exists'],
  setTemplateAssignments: changeErrors,
  updateAssignment: changeErrors,
  deleteAssignment: changeErrors,
  createInstance: ['already_exists', 'approval_required', 'policy_denied', 'frozen'],
  updateInstance: [...changeErrors, 'instance_decommissioned', 'instance_metadata_missing'],
  createJoinToken: ['instance_decommissioned'],
  proposeTrustRoot: ['root_change_invalid', 'root_proposal_open', 'director_key_lost'],
  signTrustRoot: ['root_signature_invalid'],
  enrollAgent: ['join_token_invalid', 'join_token_used', 'join_token_expired', 'dpop_invalid'],
};

/** Returns the codes of the errors that a route returns, by their status, lowest first. */
export function errorsOf(route: Route, operationId: string): Map<number, ErrorCode[]> {
  const codes = new Set<ErrorCode>([...formErrors(route), ...(specialErrors[operationId] ?? [])]);
  const sorted = [...codes].toSorted((a, b) => errorStatus[a] - errorStatus[b]);
  return Map.groupBy(sorted, (code) => errorStatus[code]);
}

/** The errors that follow from the form of a route: its caller, its parts and its method. */
function formErrors(route: Route): ErrorCode[] {
  const { method, path, role, body, query, params, reads } = route;
  const parsed = body !== undefined || query !== undefined || params !== undefined;
  const caller: Partial<Record<Route['role'], ErrorCode[]>> = {
    public: [],
    agent: ['dpop_invalid', 'dpop_replayed', 'credential_reused', 'instance_decommissioned'],
  };

  return [
    ...(caller[role] ?? (['unauthenticated', 'forbidden'] as const)),
    ...(parsed ? (['invalid_request'] as const) : []),
    ...(hasCursor(query) ? (['invalid_cursor'] as const) : []),
    ...(body === undefined ? [] : (['payload_too_large', 'content_type_unsupported'] as const)),
    ...(path.includes('{') ? (['not_found'] as const) : []),
    ...(method === 'get' || reads === true ? [] : (['conflict'] as const)),
    ...(takesKey(route) ? (['idempotency_conflict'] as const) : []),
    'internal',
    'unavailable',
  ];
}

function hasCursor(query: z.ZodObject | undefined): boolean {
  return query !== undefined && 'cursor' in query.shape;
}
