import type { SignIn } from '../accounts/index.ts';
import type { Action } from './intervention-policy.ts';

export const approvalStates = ['pending', 'approved', 'rejected', 'expired', 'withdrawn'] as const;

export interface ApprovalDecision {
  reviewer: string;
  reviewer_email: string;
  decision: 'approve' | 'reject';
  comment: string | null;
  decided_at: string;
  /** `link` or `api`. */
  by: 'link' | 'api';
  /** Whom four eyes count: see `personOf`. */
  person: string;
  signed_in_by: SignIn;
}

export interface Approval {
  account: string;
  id: string;
  operation_id: string;
  /** Those of the operation. */
  actions: Action[];
  summary: string;
  requested_by: string;
  /** The same as people know them: an e-mail address, or the name of a token. */
  requester: string;
  /** Whom four eyes count. */
  requested_by_person: string;
  state: (typeof approvalStates)[number];
  quorum: number;
  self_approval: boolean;
  /** As the policy had them: only a reviewer in each of these groups decides. */
  reviewer_groups: string[];
  /** Members whom the change lets decide more. They decide on it only with self-approval. */
  concerned: string[];
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
  /** Addresses that the last mail could not be sent to. */
  unmailed: string[];
  /** How many reminders were sent; see `dueReminders`. */
  reminders: number;
  /** When the operation was requested: a reviewer decides only on what was requested later. */
  requested_at: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  expires_at: string;
  created_at: string;
}

/**
 * The approvals that count: one a person, by reviewers who still are, and not by the requester
 * unless self-approval is allowed.
 * @param reviewers those who may decide on the request now, as `member:<id>`
 */
export function approvalsCounted(
  { decisions, requested_by_person }: Pick<Approval, 'decisions' | 'requested_by_person'>,
  { self_approval }: { self_approval: boolean },
  reviewers: ReadonlySet<string>,
): number {
  const counted = decisions.filter(
    ({ decision, reviewer, person }) =>
      decision === 'approve' &&
      reviewers.has(reviewer) &&
      (self_approval || person !== requested_by_person),
  );
  return new Set(counted.map(({ person }) => person)).size;
}

/**
 * The result of the decisions so far: any rejection rejects, `quorum` approvals by different people
 * approve.
 */
export function approvalState(
  approval: Pick<Approval, 'decisions' | 'quorum' | 'requested_by_person' | 'self_approval'>,
  reviewers: ReadonlySet<string>,
): 'pending' | 'approved' | 'rejected' {
  if (approval.decisions.some((d) => d.decision === 'reject')) return 'rejected';
  return approvalsCounted(approval, approval, reviewers) >= approval.quorum
    ? 'approved'
    : 'pending';
}
