import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../../base/error.ts';
import { notFoundError } from '../../../base/not-found.ts';
import type { Member, Role } from '../../../domain/accounts/index.ts';
import type { Change } from '../../../domain/operations/index.ts';
import {
  changeRoster,
  getMember,
  getRoster,
  memberEvent,
  type Roster,
  updateMember,
} from '../../../store/accounts/index.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';
import { mailPeople } from '../mail-people.ts';
import { type ChangeKind, noTemplate, sameInstance, sameView } from './change-kind.ts';

interface Rows {
  member: Member;
  roster: Roster;
}

/** Makes a member a reviewer once the account has one; other roles are an admin's to give. */
export const memberChange: ChangeKind<'member_change', Rows> = {
  action: () => 'member_change',
  policy: (_, inForce) => inForce('member_change'),

  async read(services, account, { member_id }) {
    const roster = await getRoster(services.db, account);
    const member = await getMember(services.db, account, member_id);
    if (member === null) throw notFoundError('member', { account, name: member_id });
    return { member, roster };
  },

  check({ was }, { member }) {
    if (isDeepStrictEqual(member.roles, was)) return;
    throw new GantryError(
      'operation_raced',
      `the roles of ${member.email} changed since this was requested; request it again`,
    );
  },

  summary: (change, { member }) => summaryOf(change, member),
  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change: { roles }, rows: { member, roster }, at }) {
    const cause = { actor: operation.requested_by, at };
    const data = { roles, recovered: false, operation_id: operation.id };
    return [...roleWrites(member, roster, roles, at), memberEvent(member, cause, 'changed', data)];
  },

  async follow(services, account, change) {
    const member = await getMember(services.db, account, change.member_id);
    if (member !== null) await mailRoles(services, member, change.was);
  },
};

function summaryOf({ was, roles }: Change<'member_change'>, member: Member): string {
  const counts = member.counts_as === null ? '' : `, who counts as ${member.counts_as},`;
  return `change the roles of ${member.email}${counts} from ${rolesText(was)} to ${rolesText(roles)}`;
}

export function rolesText(roles: readonly Role[]): string {
  return roles.join(', ') || 'none';
}

/** The writes that give a member roles. A reviewer decides only on what is requested later. */
export function roleWrites(member: Member, roster: Roster, roles: Role[], at: string): Write[] {
  const reviews = roles.includes('reviewer');
  const since = member.reviewer_since ?? (member.joined_at === null ? null : at);
  return [
    updateMember(member, { roles, reviewer_since: reviews ? since : null }),
    ...changeRoster(roster, member.id, reviews),
  ];
}

/** Mails people that the roles of a member changed. */
export async function mailRoles(
  services: Services,
  { account, email, name, roles }: Member,
  was: readonly Role[],
  recovered = false,
): Promise<void> {
  const owner = 'The owner of the deployment did this although a policy then lacks reviewers.';
  await mailPeople(services, account, {
    subject: `roles of ${email} changed`,
    text: [
      `The roles of ${name} <${email}> in account "${account}" changed`,
      `from ${rolesText(was)} to ${rolesText(roles)}.`,
      ...(recovered ? [owner] : []),
    ],
    also: [email],
  });
}
