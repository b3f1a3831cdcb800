import { GantryError } from '../../base/error.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { UpdateMemberBody } from '../../contract/accounts/index.ts';
import { type Caller, countReviewers, type Member } from '../../domain/accounts/index.ts';
import {
  actions,
  defaultPolicy,
  type Operation,
  unmeetableBy,
} from '../../domain/operations/index.ts';
import {
  changeRoster,
  getRoster,
  memberEvent,
  type Roster,
  removeMember as removal,
  reviewersOf,
} from '../../store/accounts/index.ts';
import { listPolicies } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { freeName } from '../../store/unique.ts';
import { requireMember } from '../accounts/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { mailPeople, mailRoles, requestChanges, roleWrites } from '../operations/index.ts';

/**
 * Gives a member other roles. Once the account has another reviewer, the role reviewer is
 * requested, and the reviewers decide.
 *
 * @throws GantryError `quorum_unmeetable`, unless the deployment's owner recovers
 */
export async function updateMember(
  services: Services,
  caller: Caller,
  id: string,
  input: UpdateMemberBody,
): Promise<{ member: Member; operation: Operation | null }> {
  const { account, actor } = caller;
  const roles = [...new Set(input.roles)];

  const { was, recovered, asks } = await retryConflicts(async () => {
    const roster = await getRoster(services.db, account);
    const was = await requireMember(services, account, id);
    const reviews = roles.includes('reviewer');
    const grants = reviews && !roster.reviewers.includes(id);
    if (grants && roster.reviewers.length > 0) return { was, recovered: false, asks: true };

    const recovered = reviews ? false : await leaves(services, caller, { roster, id, ...input });
    const at = nowIso(services);
    await transact(services.db, [
      ...roleWrites(was, roster, roles, at),
      memberEvent(was, { actor, at }, 'changed', { roles, recovered }),
    ]);
    return { was, recovered, asks: false };
  });

  if (asks) {
    const change = { kind: 'member_change', member_id: id, was: was.roles, roles } as const;
    return { member: was, operation: await requestChanges(services, caller, [change]) };
  }

  const member = await requireMember(services, account, id);
  await mailRoles(services, member, was.roles, recovered);
  return { member, operation: null };
}

/**
 * Removes a person from the caller's account, or cancels their invitation. Their tokens, approval
 * links and approvals stop counting.
 *
 * @throws GantryError `quorum_unmeetable`, unless the deployment's owner recovers
 */
export async function removeMember(
  services: Services,
  caller: Caller,
  id: string,
  { recover = false }: { recover?: boolean } = {},
): Promise<void> {
  const { account, actor } = caller;
  const { member, recovered } = await retryConflicts(async () => {
    const roster = await getRoster(services.db, account);
    const member = await requireMember(services, account, id);
    const recovered = await leaves(services, caller, { roster, id, recover });

    await transact(services.db, [
      removal(member),
      ...changeRoster(roster, id, false),
      freeName({ account, kind: 'email', value: member.email }),
      memberEvent(member, { actor, at: nowIso(services) }, 'removed', { recovered }),
    ]);
    return { member, recovered };
  });

  const owner = 'The owner of the deployment did this although a policy then lacks reviewers.';
  await mailPeople(services, account, {
    subject: `${member.email} removed`,
    text: [
      `${member.name} <${member.email}> was removed from account "${account}".`,
      ...(recovered ? [owner] : []),
    ],
    also: [member.email],
  });
}

/**
 * Refuses that a reviewer leaves whom a policy needs. Returns true if the deployment's owner
 * overrules it.
 */
async function leaves(
  services: Services,
  caller: Caller,
  { roster, id, recover = false }: { roster: Roster; id: string; recover?: boolean },
): Promise<boolean> {
  if (!roster.reviewers.includes(id)) return false;

  const reviewers = await reviewersOf(services.db, roster);
  const rows = await listPolicies(services.db, caller.account);

  const unmeetable = unmeetableBy(
    actions.map((action) => rows.find((row) => row.action === action) ?? defaultPolicy(action)),
    {
      before: countReviewers(reviewers),
      after: countReviewers(reviewers.filter((one) => one.id !== id)),
    },
  );

  if (unmeetable.length === 0) return false;
  if (recover && caller.platform) return true;

  throw new GantryError(
    'quorum_unmeetable',
    `expected enough reviewers for the policies of ${unmeetable.join(', ')}, found too few without this member; add another reviewer first, or let the owner of the deployment do it with recover`,
    { found: unmeetable },
  );
}
