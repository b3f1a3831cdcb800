import type { Problem } from '../../../../shared/contract/http/index.ts';
import type { Account, Member } from '../../../../shared/domain/accounts/index.ts';
import type { Approval, Review } from '../../../../shared/domain/operations/index.ts';
import { Layout } from '../layout.tsx';
import { ReviewPart } from './review.tsx';

export interface ApprovalPageProps {
  approval: Approval;
  account: Account;
  reviewer: Member;
  review: Review;
}

/**
 * Shows a reviewer the change to decide on. Opening the page decides nothing, because mail scanners
 * open links too.
 */
export function ApprovalPage({ approval, account, reviewer, review }: ApprovalPageProps) {
  return (
    <Layout title="Approval request">
      <article class="card">
        <h1>{capitalised(approval.summary)}?</h1>
        <p class="lead">
          {reviewer.name}, {account.name} needs your decision. Opening this page has no effect.
        </p>
        <dl>
          <dt>Account</dt>
          <dd>
            {account.name} <code>{account.slug}</code>
          </dd>
          <dt>Requested by</dt>
          <dd>
            <code>{review.requester}</code>
          </dd>
          <dt>Requested at</dt>
          <dd>
            <Time at={approval.created_at} />
          </dd>
          <dt>Expires</dt>
          <dd>
            <Time at={approval.expires_at} />
          </dd>
          <dt>{approval.actions.length === 1 ? 'Action' : 'Actions'}</dt>
          <dd>
            <code>{approval.actions.join(', ')}</code>
          </dd>
          <dt>Approvals</dt>
          <dd>
            {review.votes.approvals} of {review.votes.quorum} needed so far
            {approval.decisions.map((one) => (
              <>
                <br />
                {one.decision} by <code>{one.reviewer_email}</code>
              </>
            ))}
          </dd>
        </dl>
        <ReviewPart review={review} />
        <form method="post">
          <label for="comment">Comment (optional)</label>
          <textarea id="comment" name="comment" maxlength={2000} />
          <label for="confirmation">
            To decide, type <code id="expected">{review.confirmation}</code>
          </label>
          <input id="confirmation" name="confirmation" required autocomplete="off" />
          <div class="actions">
            <button class="approve" type="submit" name="decision" value="approve">
              Approve
            </button>
            <button class="reject" type="submit" name="decision" value="reject">
              Reject
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}

/** Shows the result of a decision. */
export function DecidedPage({
  approval,
  approvals,
  decision,
}: {
  approval: Approval;
  /** How many count, of present reviewers. */
  approvals: number;
  decision: 'approve' | 'reject';
}) {
  const approved = decision === 'approve';
  const waits = approval.state === 'pending';

  return (
    <Layout title={approved ? 'Approved' : 'Rejected'}>
      <article class="card">
        <p class={`badge ${approved ? 'good' : 'bad'}`}>{approved ? 'Approved' : 'Rejected'}</p>
        <h1>{capitalised(approval.summary)}</h1>
        <p>
          {approved
            ? waits
              ? `Your approval is recorded. The change has ${approvals} of ${approval.quorum} required approvals.`
              : 'Your approval is recorded. Gantry now applies the change.'
            : 'Your rejection is recorded. Nothing changes.'}
        </p>
        <p class="soft">This link no longer works. You can close this page.</p>
      </article>
    </Layout>
  );
}

const headings: Partial<Record<string, string>> = {
  approval_link_invalid: 'This link is not valid',
  approval_link_used: 'This link was already used',
  approval_expired: 'This request has expired',
  approval_withdrawn: 'This request was withdrawn',
  approval_decided: 'This request is already decided',
  invitation_invalid: 'This invitation is not valid',
  self_approval: 'Another reviewer must decide this',
  not_found: 'Page not found',
};

/** Shows an error as a page, with the facts of the problem document. */
export function ProblemPage({ problem }: { problem: Problem }) {
  return (
    <Layout title={headings[problem.code] ?? problem.title}>
      <article class="card">
        <p class="badge bad">{problem.status}</p>
        <h1>{headings[problem.code] ?? problem.title}</h1>
        <p>{capitalised(problem.detail)}.</p>
        <p class="soft">
          Code <code>{problem.code}</code> · request <code>{problem.request_id}</code>
        </p>
      </article>
    </Layout>
  );
}

function Time({ at }: { at: string }) {
  return <time datetime={at}>{`${at.slice(0, 16).replace('T', ' ')} UTC`}</time>;
}

function capitalised(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`.replace(/\.$/, '');
}
