import { type Member, mayReview, membersIn, personOf } from '../accounts/index.ts';
import { type Approval, approvalsCounted } from './approval.ts';

/** What a request that is not decided yet waits for. */
export interface ApprovalWait {
  /** Approvals that are missing. */
  approvals: number;
  /** Addresses of those who may still decide. */
  reviewers: string[];
  /** True if they are too few: nobody can approve the request any more. */
  unmeetable: boolean;
  /** Addresses that the last mail could not be sent to. */
  unmailed: string[];
}

/** The members who may decide on a request. */
export function reviewersFor(
  approval: Pick<
    Approval,
    'reviewer_groups' | 'requested_at' | 'self_approval' | 'requested_by_person' | 'concerned'
  >,
  reviewers: readonly Member[],
): Member[] {
  const { reviewer_groups, requested_at, self_approval, requested_by_person, concerned } = approval;
  return membersIn(reviewers, reviewer_groups).filter(
    (member) =>
      mayReview(member, requested_at) &&
      (self_approval ||
        (personOf(member) !== requested_by_person && !concerned.includes(member.id))),
  );
}

/**
 * How many approvals count, and what the request waits for; null once it is decided. Of a request
 * that waits, only present reviewers count.
 * @param reviewers those of the account as they are now
 */
export function votesOf(
  approval: Approval,
  reviewers: readonly Member[],
): { approvals: number; waits_for: ApprovalWait | null } {
  const { state, decisions, quorum, unmailed } = approval;
  if (state !== 'pending') {
    const people = decisions.filter(({ decision }) => decision === 'approve');
    return { approvals: new Set(people.map(({ person }) => person)).size, waits_for: null };
  }

  const eligible = reviewersFor(approval, reviewers);
  const approvals = approvalsCounted(
    approval,
    approval,
    new Set(eligible.map(({ id }) => `member:${id}`)),
  );

  const decided = new Set(decisions.map(({ person }) => person));
  const left = eligible.filter((member) => !decided.has(personOf(member)));
  const missing = Math.max(0, quorum - approvals);

  return {
    approvals,
    waits_for: {
      approvals: missing,
      reviewers: left.map(({ email }) => email),
      unmeetable: missing > new Set(left.map(personOf)).size,
      unmailed,
    },
  };
}

/** What a request waits for, in words. */
export function waitText({ approvals, reviewers, unmeetable, unmailed }: ApprovalWait): string {
  const who = reviewers.join(', ') || 'nobody';
  const wait = unmeetable
    ? `${approvals} more than can approve (${who}): withdraw it, add reviewers, request it again`
    : `${approvals} more: ${who}`;
  return unmailed.length === 0 ? wait : `${wait}; no mail reached ${unmailed.join(', ')}`;
}
