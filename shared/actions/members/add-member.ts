import { GantryError } from '../../base/error.ts';
import { newId } from '../../base/ids.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { AddMemberBody } from '../../contract/accounts/index.ts';
import type { Caller, Member } from '../../domain/accounts/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import { changeRoster, createMember, getRoster, memberEvent } from '../../store/accounts/index.ts';
import type { Notice } from '../../store/operations/index.ts';
import { takeName } from '../../store/unique.ts';
import { commit, nowIso, type Services, withoutKeep } from '../context/index.ts';
import { makeNotice, requestChanges, rolesText, sendNotice } from '../operations/index.ts';
import { deliverInvitation, type Invited, makeInvitation, undelivered } from './invitation.ts';

/**
 * Adds a person to the caller's account and invites them. Once the account has a reviewer, the role
 * reviewer is requested, and the reviewers decide.
 *
 * @throws GantryError `already_exists` when a member has that e-mail address
 */
export async function addMember(
  services: Services,
  caller: Caller,
  input: AddMemberBody,
): Promise<Invited & { operation: Operation | null }> {
  const wanted = [...new Set(input.roles)];
  const { member, link, notice } = await retryConflicts(() => create(services, caller, input));
  const invited = await deliverInvitation(services, member, link);
  await sendNotice(services, notice);

  if (member.roles.length === wanted.length) return { ...invited, operation: null };
  const { id: member_id, roles: was, groups } = member;
  const change = { member_id, was, roles: wanted, was_groups: groups, groups };
  const operation = await requestChanges(withoutKeep(services), caller, [
    { kind: 'member_change', ...change },
  ]);
  return { ...invited, operation };
}

async function create(
  services: Services,
  caller: Caller,
  input: AddMemberBody,
): Promise<{ member: Member; link: string; notice: Notice }> {
  const at = nowIso(services);
  const { account, actor, person } = caller;
  const roster = await getRoster(services.db, account);
  const shown = input.show_link ?? false;

  // Without this, an admin could add reviewers and approve as each of them.
  const decided = roster.reviewers.length > 0;
  const roles = [...new Set(input.roles)].filter((role) => !(decided && role === 'reviewer'));

  const id = newId('member');
  const { invitation, link } = makeInvitation(
    services,
    { account, id },
    { by_person: person, shown },
  );

  const member: Member = {
    account,
    id,
    email: input.email,
    name: input.name,
    roles,
    groups: [...new Set(input.groups ?? [])],
    invitation,
    joined_at: null,
    reviewer_since: null,
    counts_as: shown ? person : null,
    revision: 1,
    created_at: at,
  };

  const text = [
    `${member.name} <${member.email}> was invited to account "${account}"`,
    `with the roles ${rolesText([...new Set(input.roles)])} and the groups ${rolesText(member.groups)}.`,
  ];
  const about = { subject: `${member.email} invited`, text };
  const { notice, write } = makeNotice(services, account, about, actor);
  const writes = [
    createMember(member),
    ...changeRoster(roster, id, roles.includes('reviewer')),
    takeName(
      { account, kind: 'email', value: member.email, owner: id },
      () =>
        new GantryError('already_exists', `${member.email} is a member already`, {
          field: 'email',
        }),
    ),
    memberEvent(member, { actor, at }, 'added', { roles, groups: member.groups, shown }),
    write,
  ];
  const kept = { ...undelivered(member, link), operation: null };
  await commit(services, writes, kept);
  return { member, link, notice };
}
