import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../../base/error.ts';
import { notFoundError } from '../../../base/not-found.ts';
import type { Member } from '../../../domain/accounts/index.ts';
import {
  type Action,
  actions,
  type Change,
  defaultPolicy,
  unmeetableBy,
} from '../../../domain/operations/index.ts';
import {
  changeRoster,
  getMember,
  getRoster,
  memberEvent,
  type Roster,
  reviewersOf,
  updateMember,
} from '../../../store/accounts/index.ts';
import { listPolicies } from '../../../store/operations/index.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';
import {
  type ChangeKind,
  type NoticeText,
  noTemplate,
  nothingFollows,
  sameInstance,
  sameView,
} from './change-kind.ts';
import { fieldFacts, stateFact } from './review-text.ts';

interface Rows {
  member: Member;
  roster: Roster;
  /** Actions whose policies the reviewers could not meet any more. */
  unmeetable: Action[];
}

/**
 * Makes a member a reviewer once the account has one, or a reviewer a member of a group. An admin
 * gives other roles.
 */
export const memberChange: ChangeKind<'member_change', Rows> = {
  action: () => 'member_change',
  policy: (_, inForce) => inForce('member_change'),

  async read(services, account, { member_id, roles, groups }) {
    const roster = await getRoster(services.db, account);
    const member = await getMember(services.db, account, member_id);
    if (member === null) throw notFoundError('member', { account, name: member_id });
    const after = { ...member, roles, groups };
    return {
      member,
      roster,
      unmeetable: await policiesUnmeetable(services, roster, member_id, after),
    };
  },

  check({ was, was_groups }, { member, unmeetable }) {
    if (!isDeepStrictEqual([member.roles, member.groups], [was, was_groups])) {
      throw new GantryError(
        'operation_raced',
        `the roles or groups of ${member.email} changed since this was requested; request it again`,
      );
    }
    if (unmeetable.length > 0) throw unmeetableError(unmeetable);
  },

  summary: (change, { member }) => summaryOf(change, member),
  concerns: ({ member_id }) => [member_id],

  review({ was, roles, was_groups, groups }, { member }) {
    const facts = [
      ...stateFact('member', `${member.name} <${member.email}>`),
      ...fieldFacts({ roles, groups }, { roles: was, groups: was_groups }),
      ...stateFact('decides in groups', keptGroups({ groups, was_groups })),
    ];
    const warning = `For four eyes, this member counts as ${member.counts_as}.`;
    return { facts, warnings: member.counts_as === null ? [] : [warning] };
  },

  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: { member, roster }, at }) {
    const { roles, groups } = change;
    const cause = { actor: operation.requested_by, at };
    const data = { roles, groups, recovered: false, operation_id: operation.id };
    return [
      ...roleWrites(member, roster, { roles, groups }, at),
      memberEvent(member, cause, 'changed', data),
    ];
  },

  async notice({ db }, account, change) {
    const member = await getMember(db, account, change.member_id);
    const was = { roles: change.was, groups: change.was_groups };
    const { roles, groups } = change;
    return member === null ? null : rolesNotice({ ...member, roles, groups }, was);
  },

  follow: nothingFollows,
};

function summaryOf(change: Change<'member_change'>, member: Member): string {
  const { was, roles, was_groups, groups } = change;
  const counts = member.counts_as === null ? '' : `, who counts as ${member.counts_as}`;
  const changed = standingText({ roles: was, groups: was_groups }, { roles, groups });
  const kept = keptGroups(change);
  const beside = kept === null ? '' : `, in the groups ${kept}`;
  return `change ${member.email}${counts}: ${changed}${beside}`;
}

/**
 * The groups that a member is in already; null if there are none or others. An admin puts members
 * into groups freely until they review, so reviewers must see the groups before they decide.
 */
function keptGroups({
  groups,
  was_groups,
}: Pick<Change<'member_change'>, 'groups' | 'was_groups'>): string | null {
  return groups.length > 0 && isDeepStrictEqual(groups, was_groups) ? rolesText(groups) : null;
}

/** What a member may do, and for whom. */
export type Standing = Pick<Member, 'roles' | 'groups'>;

/** What changes of a member: "roles viewer → viewer, reviewer; groups none → security". */
function standingText(was: Standing, now: Standing): string {
  const parts = (['roles', 'groups'] as const).flatMap((field) => {
    const [before, after] = [rolesText(was[field]), rolesText(now[field])];
    return before === after ? [] : [`${field} ${before} → ${after}`];
  });
  return parts.join('; ') || 'no change';
}

/**
 * The actions whose policies cannot be met any more once a member changes or leaves.
 * @param after the member with the change; null for one who leaves
 */
export async function policiesUnmeetable(
  { db }: Services,
  roster: Roster,
  id: string,
  after: Member | null,
): Promise<Action[]> {
  if (!roster.reviewers.includes(id)) return [];

  const before = await reviewersOf(db, roster);
  const rows = await listPolicies(db, roster.account);
  const stays = after?.roles.includes('reviewer') ? [after] : [];

  return unmeetableBy(
    actions.map((action) => rows.find((row) => row.action === action) ?? defaultPolicy(action)),
    { before, after: [...before.filter((one) => one.id !== id), ...stays] },
  );
}

export function unmeetableError(found: readonly Action[]): GantryError {
  return new GantryError(
    'quorum_unmeetable',
    `expected enough reviewers for the policies of ${found.join(', ')}, found too few after this change. Add another reviewer first, or let the owner of the deployment do it with recover`,
    { found },
  );
}

export function rolesText(roles: readonly string[]): string {
  return roles.join(', ') || 'none';
}

/**
 * The writes that give a member roles and groups. A reviewer decides only on what is requested
 * later.
 */
export function roleWrites(
  member: Member,
  roster: Roster,
  { roles, groups }: Standing,
  at: string,
): Write[] {
  const reviews = roles.includes('reviewer');
  const since = member.reviewer_since ?? (member.joined_at === null ? null : at);
  return [
    updateMember(member, { roles, groups, reviewer_since: reviews ? since : null }),
    ...changeRoster(roster, member.id, reviews),
  ];
}

/** What people are mailed when the roles or groups of a member changed. */
export function rolesNotice(
  { account, email, name, roles, groups }: Pick<Member, 'account' | 'email' | 'name'> & Standing,
  was: Standing,
): NoticeText {
  return {
    subject: `roles of ${email} changed`,
    text: [
      `${name} <${email}> in account "${account}" changed:`,
      '',
      `    ${standingText(was, { roles, groups })}`,
    ],
    also: [email],
  };
}
