import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { UpdateMemberBody } from '../../contract/accounts/index.ts';
import type { Caller, Member } from '../../domain/accounts/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import {
  changeRoster,
  getRoster,
  memberEvent,
  type Roster,
  removeMember as removal,
} from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { freeName } from '../../store/unique.ts';
import { requireMember } from '../accounts/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import {
  makeNotice,
  type NoticeText,
  policiesUnmeetable,
  requestChanges,
  rolesNotice,
  rolesText,
  roleWrites,
  type Standing,
  sendNotice,
  unmeetableError,
} from '../operations/index.ts';

/**
 * Gives a member other roles and groups; what is left out stays. Once the account has another
 * reviewer, the role reviewer and a reviewer's new groups are requested, and the reviewers decide.
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

  const { was, now, notice } = await retryConflicts(async () => {
    const roster = await getRoster(services.db, account);
    const was = await requireMember(services, account, id);
    const now = standingAfter(was, input);
    if (isGrant(was, now, roster)) return { was, now, notice: null };

    const recovered = await leaves(services, caller, {
      roster,
      id,
      after: { ...was, ...now },
      ...input,
    });
    const at = nowIso(services);
    const text = withOwner(rolesNotice({ ...was, ...now }, was), recovered);
    const { notice, write } = makeNotice(services, account, text, actor);
    await transact(services.db, [
      ...roleWrites(was, roster, now, at),
      memberEvent(was, { actor, at }, 'changed', { ...now, recovered }),
      write,
    ]);
    return { was, now, notice };
  });

  if (notice === null) {
    const lists = { was: was.roles, was_groups: was.groups, ...now };
    const change = { kind: 'member_change', member_id: id, ...lists } as const;
    return { member: was, operation: await requestChanges(services, caller, [change]) };
  }

  await sendNotice(services, notice);
  return { member: await requireMember(services, account, id), operation: null };
}

function standingAfter(was: Member, { roles, groups }: UpdateMemberBody): Standing {
  return {
    roles: [...new Set(roles ?? was.roles)],
    groups: [...new Set(groups ?? was.groups)],
  };
}

/**
 * True if the change lets a member decide more than before, and there is another reviewer to
 * approve that.
 */
function isGrant(was: Member, now: Standing, { reviewers }: Roster): boolean {
  if (!now.roles.includes('reviewer')) return false;
  const grants =
    !reviewers.includes(was.id) || now.groups.some((group) => !was.groups.includes(group));
  return grants && reviewers.some((one) => one !== was.id);
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
  const notice = await retryConflicts(async () => {
    const roster = await getRoster(services.db, account);
    const member = await requireMember(services, account, id);
    const recovered = await leaves(services, caller, { roster, id, after: null, recover });

    const { notice, write } = makeNotice(
      services,
      account,
      withOwner(removalNotice(member), recovered),
      actor,
    );
    await transact(services.db, [
      removal(member),
      ...changeRoster(roster, id, false),
      freeName({ account, kind: 'email', value: member.email }),
      memberEvent(member, { actor, at: nowIso(services) }, 'removed', { recovered }),
      write,
    ]);
    return notice;
  });

  await sendNotice(services, notice);
}

function removalNotice({ account, name, email, roles, groups }: Member): NoticeText {
  return {
    subject: `${email} removed`,
    text: [
      `${name} <${email}> was removed from account "${account}".`,
      `They had the roles ${rolesText(roles)} and the groups ${rolesText(groups)}.`,
    ],
    also: [email],
  };
}

function withOwner(notice: NoticeText, recovered: boolean): NoticeText {
  const owner = 'The owner of the deployment did this although a policy then lacks reviewers.';
  return recovered ? { ...notice, text: [...notice.text, owner] } : notice;
}

/**
 * Refuses that a reviewer leaves whom a policy needs. Returns true if the deployment's owner
 * overrules it.
 * @param of `after`: the member with the change; null for one who leaves the account
 */
async function leaves(
  services: Services,
  caller: Caller,
  of: { roster: Roster; id: string; after: Member | null; recover?: boolean },
): Promise<boolean> {
  const { roster, id, after, recover = false } = of;
  const unmeetable = await policiesUnmeetable(services, roster, id, after);

  if (unmeetable.length === 0) return false;
  if (recover && caller.platform) return true;
  throw unmeetableError(unmeetable);
}
