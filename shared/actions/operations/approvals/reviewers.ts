import { type Member, personOf } from '../../../domain/accounts/index.ts';
import {
  type Approval,
  type InterventionPolicy,
  type Operation,
  reviewersFor,
} from '../../../domain/operations/index.ts';
import { getRoster, reviewersOf } from '../../../store/accounts/index.ts';
import type { Services } from '../../context/index.ts';

/** The reviewers of an account as they are now, invited ones included. */
export async function readReviewers({ db }: Services, account: string): Promise<Member[]> {
  return reviewersOf(db, await getRoster(db, account));
}

/**
 * Returns the members who may decide on an operation: those of the policy's groups who were
 * reviewers before it was requested, and the person who requested it only with self-approval.
 */
export async function eligibleReviewers(
  services: Services,
  { account, created_at: requested_at, requested_by_person }: Operation,
  { self_approval, reviewer_groups }: Pick<InterventionPolicy, 'self_approval' | 'reviewer_groups'>,
): Promise<Member[]> {
  const asked = { requested_at, requested_by_person, self_approval, reviewer_groups };
  return reviewersFor(asked, await readReviewers(services, account));
}

/** The ids of `eligibleReviewers`, as `member:<id>`. */
export async function presentReviewers(
  services: Services,
  operation: Operation,
  asked: Pick<InterventionPolicy, 'self_approval' | 'reviewer_groups'>,
): Promise<Set<string>> {
  const reviewers = await eligibleReviewers(services, operation, asked);
  return new Set(reviewers.map(({ id }) => `member:${id}`));
}

/** The members who may decide on a request and have not. */
export async function undecidedReviewers(
  services: Services,
  approval: Approval,
): Promise<Member[]> {
  const reviewers = reviewersFor(approval, await readReviewers(services, approval.account));
  const decided = new Set(approval.decisions.map(({ person }) => person));
  return reviewers.filter((member) => !decided.has(personOf(member)));
}
