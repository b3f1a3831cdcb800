import type { Action } from './intervention-policy.ts';

export interface ApprovalDecision {
  reviewer: string;
  reviewer_email: string;
  decision: 'approve' | 'reject';
  comment: string | null;
  decided_at: string;
  /** `link` or `api`. */
  by: 'link' | 'api';
}

export interface Approval {
  account: string;
  id: string;
  operation_id: string;
  /** Those of the operation. */
  actions: Action[];
  summary: string;
  requested_by: string;
  state: 'pending' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
  quorum: number;
  self_approval: boolean;
  decisions: ApprovalDecision[];
  /**
   * Of the waiting execution. It stays after the approval, so that the sweep can wake the
   * execution; it never leaves the server.
   */
  task_token: string | null;
  /**
   * When the mails to all reviewers were sent; null before, so that they are sent again if the
   * function died.
   */
  mailed_at: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  expires_at: string;
  created_at: string;
}

/**
 * The result of the decisions so far: any rejection rejects, `quorum` approvals by different people
 * approve.
 */
export function approvalState(
  approval: Pick<Approval, 'decisions' | 'quorum'>,
): 'pending' | 'approved' | 'rejected' {
  if (approval.decisions.some((d) => d.decision === 'reject')) return 'rejected';
  const people = new Set(
    approval.decisions.filter((d) => d.decision === 'approve').map((d) => d.reviewer),
  );
  return people.size >= approval.quorum ? 'approved' : 'pending';
}
