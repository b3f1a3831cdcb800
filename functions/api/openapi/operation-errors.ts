import type { z } from 'zod';
import { type ErrorCode, errorStatus } from '../../../shared/base/error-codes.ts';
import type { Route } from '../route.ts';

/** Why a change is refused before it becomes an operation. */
const changeErrors: readonly ErrorCode[] = [
  'policy_denied',
  'operation_raced',
  'change_too_wide',
  'composition_unsatisfied',
  'composition_protected_conflict',
  'composition_type_conflict',
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
const special: Readonly<Record<string, readonly ErrorCode[]>> = {
  createAccount: ['already_exists'],
  inviteMember: ['already_exists', 'policy_denied'],
  updateMember: ['quorum_unmeetable', 'policy_denied'],
  deleteMember: ['quorum_unmeetable'],
  acceptInvitation: ['invitation_invalid'],
  createCategory: ['already_exists'],
  deleteCategory: ['in_use'],
  setRegistry: ['reference_invalid'],
  registerModule: [...registrationErrors, 'already_exists'],
  updateModule: [...registrationErrors, ...changeErrors],
  deleteModule: ['in_use'],
  updateModuleReservations: [...changeErrors, 'reservation_unknown'],
  rollbackModule: [...versionErrors, 'rollback_impossible'],
  promoteVersion: [...versionErrors, 'version_quarantined', 'version_held', 'in_use'],
  yankVersion: versionErrors,
  unyankVersion: versionErrors,
  quarantineVersion: versionErrors,
  releaseVersion: versionErrors,
  withdrawOperation: ['approval_decided'],
  decideApproval: ['self_approval', 'approval_decided', 'approval_expired', 'approval_withdrawn'],
  updatePolicy: ['policy_denied', 'quorum_unmeetable', 'operation_raced'],
  createTemplate: ['already_exists'],
  deleteTemplate: ['in_use'],
  previewTemplate: ['composition_too_large', 'change_too_wide'],
  createTemplateAssignment: [...changeErrors, 'already_exists'],
  updateAssignment: changeErrors,
  deleteAssignment: changeErrors,
  createInstance: ['already_exists'],
  updateInstance: [...changeErrors, 'instance_decommissioned', 'instance_metadata_missing'],
  createJoinToken: ['instance_decommissioned'],
  proposeTrustRoot: ['root_change_invalid', 'root_proposal_open'],
  signTrustRoot: ['root_signature_invalid'],
  enrollAgent: ['join_token_invalid', 'join_token_used', 'join_token_expired', 'dpop_invalid'],
};

/** Returns the codes of the errors that a route returns, by their status, lowest first. */
export function errorsOf(route: Route, operationId: string): Map<number, ErrorCode[]> {
  const codes = new Set<ErrorCode>([...formErrors(route), ...(special[operationId] ?? [])]);
  const sorted = [...codes].toSorted((a, b) => errorStatus[a] - errorStatus[b]);
  return Map.groupBy(sorted, (code) => errorStatus[code]);
}

/** The errors that follow from the form of a route: its caller, its parts and its method. */
function formErrors({ method, path, role, body, query, params }: Route): ErrorCode[] {
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
    ...(method === 'get' ? [] : (['conflict'] as const)),
    ...(method === 'post' && caller[role] === undefined ? (['idempotency_conflict'] as const) : []),
    'internal',
    'unavailable',
  ];
}

function hasCursor(query: z.ZodObject | undefined): boolean {
  return query !== undefined && 'cursor' in query.shape;
}
