import { type Member, personOf } from '../../../domain/accounts/index.ts';
import {
  type Approval,
  type Change,
  type InterventionPolicy,
  type Operation,
  reviewersFor,
} from '../../../domain/operations/index.ts';
import type { Services } from '../../context/index.ts';
import { kindOf } from '../changes/index.ts';
import { readReviewers } from '../read-reviewers.ts';

/**
 * Returns the members who may decide on an operation: those of the policy's groups who were
 * reviewers before it was requested. Who requested it, and whom it lets decide more, are among them
 * only with self-approval.
 */
export async function eligibleReviewers(
  services: Services,
  { account, created_at: requested_at, requested_by_person, changes }: Operation,
  { self_approval, reviewer_groups }: Pick<InterventionPolicy, 'self_approval' | 'reviewer_groups'>,
): Promise<Member[]> {
  const concerned = concernedBy(changes);
  const asked = { requested_at, requested_by_person, self_approval, reviewer_groups, concerned };
  return reviewersFor(asked, await readReviewers(services, account));
}

/** The members whom changes let decide more, by their ids. */
export function concernedBy(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => kindOf(change).concerns?.(change) ?? []);
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
