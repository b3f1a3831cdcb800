import { randomBytes, timingSafeEqual } from 'node:crypto';
import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { daySeconds } from '../../base/time.ts';
import {
  type Account,
  type ApiToken,
  type Caller,
  type Invitation,
  type Member,
  roles,
  type SignIn,
} from '../../domain/accounts/index.ts';
import {
  createToken,
  getMember,
  memberEvent,
  tokenEvent,
  updateMember,
} from '../../store/accounts/index.ts';
import type { Notice } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { makeToken, requireAccount, requireMember } from '../accounts/index.ts';
import { commit, later, nowIso, type Services, sendMail } from '../context/index.ts';
import { makeNotice, type NoticeText, sendNotice } from '../operations/index.ts';

/** What a link of an invitation says: `<publicUrl>/invitation/<account>/<member>/<secret>`. */
export interface InvitationLink {
  account: string;
  member_id: string;
  secret: string;
}

/** An invitation and its link, which nothing stores. */
export function makeInvitation(
  services: Services,
  { account, id }: Pick<Member, 'account' | 'id'>,
  { by_person, shown }: Pick<Invitation, 'by_person' | 'shown'>,
): { invitation: Invitation; link: string } {
  const secret = `gantry_${randomBytes(32).toString('base64url')}`;
  const expires_at = later(services, limits.invitationDays * daySeconds);

  return {
    invitation: { hash: sha256Hex(secret), by_person, shown, expires_at },
    link: `${services.settings.publicUrl}/invitation/${account}/${id}/${secret}`,
  };
}

/** What the admin learns: the link if they asked for it, else whether the mail was sent. */
export interface Invited {
  member: Member;
  mailed: boolean;
  link: string | null;
}

/** Hands out an invitation that was written: mails it to the person, or returns its link. */
export async function deliverInvitation(
  services: Services,
  member: Member,
  link: string,
): Promise<Invited> {
  const before = undelivered(member, link);
  if (before.link !== null) return before;

  try {
    await sendMail(services, { to: member.email, ...invitationMail(member, link) });
    return { member, mailed: true, link: null };
  } catch {
    // The invitation is written. The admin learns that the mail failed, and can send another.
    return before;
  }
}

/** What is known of an invitation before its mail: the admin gets the link only if they asked. */
export function undelivered(member: Member, link: string): Invited {
  return { member, mailed: false, link: member.invitation?.shown ? link : null };
}

function invitationMail({ account, name, roles: held, invitation }: Member, link: string) {
  return {
    subject: `[${account}] Invitation`,
    text: [
      `Hello ${name},`,
      '',
      `you are invited to account "${account}" of Gantry, with roles: ${held.join(', ') || 'none yet'}.`,
      'This link opens a page that makes you a member and shows your first token, once:',
      '',
      link,
      '',
      'On a command line, this does the same and keeps the token:',
      '',
      `    gantry login --invitation ${link}`,
      '',
      `The link works once and expires at ${invitation?.expires_at}. Do not share it: with it, another`,
      'person could act as you.',
    ],
  };
}

/**
 * Sends a member another invitation, which voids the one before. For one who joined, it gives
 * another token.
 *
 * @throws GantryError `conflict` if an admin asks for the link of a member who has joined
 */
export function inviteAgain(
  services: Services,
  caller: Caller,
  id: string,
  { show_link = false }: { show_link?: boolean },
): Promise<Invited> {
  const { account, actor, person } = caller;
  return retryConflicts(async () => {
    const member = await requireMember(services, account, id);
    if (show_link && member.joined_at !== null) {
      throw new GantryError(
        'conflict',
        `expected a member who has not joined, found ${member.email}; a mail can be sent, or the member removed and added again`,
      );
    }

    const at = nowIso(services);
    const made = makeInvitation(services, member, { by_person: person, shown: show_link });
    const { invitation } = made;

    const invited = { ...member, invitation };
    const writes = [
      updateMember(member, { invitation }),
      memberEvent(member, { actor, at }, 'invited', { shown: show_link }),
    ];
    await commit(services, writes, undelivered(invited, made.link));
    return deliverInvitation(services, invited, made.link);
  });
}

/**
 * The member whom a link invites. Opening a link changes nothing: mail programs open links too.
 *
 * @throws GantryError `invitation_invalid`
 */
export async function openInvitation(
  services: Services,
  { account, member_id, secret }: InvitationLink,
): Promise<{ member: Member; invitation: Invitation }> {
  const member = await getMember(services.db, account, member_id);
  const invitation = member?.invitation ?? null;
  const found = Buffer.from(sha256Hex(secret));

  if (
    member === null ||
    invitation === null ||
    !timingSafeEqual(found, Buffer.from(invitation.hash))
  ) {
    throw new GantryError(
      'invitation_invalid',
      'expected the link of an open invitation, found one that was used, replaced, cancelled or changed; an admin sends another',
    );
  }

  if (Date.parse(invitation.expires_at) <= services.now().getTime()) {
    throw new GantryError(
      'invitation_invalid',
      `expected the link of an open invitation, found one that expired at ${invitation.expires_at}; an admin sends another`,
    );
  }

  return { member, invitation };
}

/** What a person gets who follows an invitation. The secret is shown once. */
export interface Joined {
  account: Account;
  member: Member;
  token: ApiToken;
  secret: string;
}

/**
 * Makes a person a member by the link of their invitation, once, and gives them a token of their
 * own. The token has every role that the member has at the time of use.
 *
 * @throws GantryError `invitation_invalid`
 */
export async function acceptInvitation(services: Services, link: InvitationLink): Promise<Joined> {
  const { notice, ...joined } = await retryConflicts(() => join(services, link));
  if (notice !== null) await sendNotice(services, notice);
  return joined;
}

/** The notice is null for a member who joined before. */
async function join(
  services: Services,
  link: InvitationLink,
): Promise<Joined & { notice: Notice | null }> {
  const { member: was, invitation } = await openInvitation(services, link);
  const account = await requireAccount(services, was.account);
  const at = nowIso(services);
  const signed_in_by: SignIn = invitation.shown ? 'show_link' : 'invitation';

  const set = {
    invitation: null,
    joined_at: was.joined_at ?? at,
    reviewer_since: was.reviewer_since ?? (was.roles.includes('reviewer') ? at : null),
    counts_as: invitation.shown ? invitation.by_person : was.counts_as,
  };

  const { token, secret } = makeToken({
    account: was.account,
    name: `invitation of ${at.slice(0, 10)}`,
    roles: [...roles],
    at,
    created_by_person: set.counts_as ?? `member:${was.id}`,
    member_id: was.id,
    signed_in_by,
  });

  const cause = { actor: `member:${was.id}`, at };
  const created = { roles: token.roles, member_id: was.id, expires_at: null };
  const about = joinedNotice(was);
  const first = was.joined_at === null;
  const made = first ? makeNotice(services, was.account, about, cause.actor) : null;

  await transact(services.db, [
    ...(made === null ? [] : [made.write]),
    updateMember(was, set),
    createToken(token),
    memberEvent(was, cause, 'joined', { signed_in_by, token_id: token.id }),
    tokenEvent(token, cause, 'created', created),
  ]);

  const member = { ...was, ...set };
  return { account, member, token, secret, notice: made === null ? null : made.notice };
}

function joinedNotice({ account, name, email, roles: held }: Member): NoticeText {
  const text = [
    `${name} <${email}> followed the invitation to account "${account}"`,
    `and has the roles ${held.join(', ') || 'none'}.`,
  ];
  return { subject: `${email} joined`, text };
}
