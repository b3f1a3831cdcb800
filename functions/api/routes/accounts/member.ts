import { z } from 'zod';
import {
  acceptInvitation,
  addMember,
  createOwnToken,
  inviteAgain,
  listOwnTokens,
  removeMember,
  revokeOwnToken,
  updateMember,
} from '../../../../shared/actions/members/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import {
  acceptInvitationAnswer,
  acceptInvitationBody,
  addMemberBody,
  createOwnTokenBody,
  createTokenAnswer,
  inviteBody,
  invitedAnswer,
  memberSchema,
  membersQuery,
  removeMemberQuery,
  tokenSchema,
  tokensQuery,
  updateMemberAnswer,
  updateMemberBody,
} from '../../../../shared/contract/accounts/index.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import { memberTests, tokenTests, viewAccount } from '../../../../shared/domain/accounts/index.ts';
import { listMembers } from '../../../../shared/store/accounts/index.ts';
import { listPage } from '../../paging.ts';
import { create, type Route, route } from '../../route.ts';
import { memberView, tokenView } from '../../views.ts';

const memberParams = z.object({ id: idSchema('member') });

export const memberRoutes: Route[] = [
  route({
    method: 'get',
    path: '/members',
    role: 'viewer',
    tag: 'members',
    summary: 'List the members of the account, invited ones included',
    query: membersQuery,
    answer: pageOf('members', memberSchema),
    async handle({ services, caller, query }) {
      const all = await listMembers(services.db, caller.account);
      const wanted = all.filter(keepBy(memberTests(services.now()), query));
      const { items, next_cursor } = listPage(query, ({ id }) => id, wanted);
      return { members: items.map((one) => memberView(one, services.now())), next_cursor };
    },
  }),
  create({
    path: '/members',
    role: 'admin',
    tag: 'members',
    summary: 'Invite a member',
    description:
      'Mails an invitation. Once the account has a reviewer, the role reviewer is requested by an operation that needs approval.',
    status: 201,
    secret: true,
    body: addMemberBody,
    answer: invitedAnswer,
    handle: ({ services, caller, body }) => addMember(services, caller, body),
    view: ({ member, ...rest }, { services }) => ({
      ...rest,
      member: memberView(member, services.now()),
    }),
  }),
  route({
    method: 'patch',
    path: '/members/{id}',
    role: 'admin',
    tag: 'members',
    summary: 'Change the roles of a member',
    description:
      'Once the account has another reviewer, the role reviewer is requested by an operation that needs approval.',
    params: memberParams,
    body: updateMemberBody,
    answer: updateMemberAnswer,
    async handle({ services, caller, params, body }) {
      const { member, operation } = await updateMember(services, caller, params.id, body);
      return { member: memberView(member, services.now()), operation };
    },
  }),
  create({
    path: '/members/{id}/invitation',
    role: 'admin',
    tag: 'members',
    summary: 'Send a member another invitation, which voids the one before',
    description: 'For a member who has joined, it gives another token, for one who lost theirs.',
    secret: true,
    params: memberParams,
    body: inviteBody,
    answer: invitedAnswer,
    handle: ({ services, caller, params, body }) => inviteAgain(services, caller, params.id, body),
    view: ({ member, ...rest }, { services }) => ({
      ...rest,
      member: memberView(member, services.now()),
      operation: null,
    }),
  }),
  route({
    method: 'delete',
    path: '/members/{id}',
    role: 'admin',
    tag: 'members',
    summary: 'Remove a member and their tokens, or cancel an invitation',
    status: 204,
    params: memberParams,
    query: removeMemberQuery,
    handle: ({ services, caller, params, query }) =>
      removeMember(services, caller, params.id, query),
  }),
  route({
    method: 'post',
    path: '/invitations/accept',
    role: 'public',
    tag: 'members',
    summary: 'Become a member by the link of an invitation',
    description:
      'The link is /invitation/<account>/<member_id>/<secret>. It works once. Only this response contains the secret of the token.',
    status: 201,
    secret: true,
    body: acceptInvitationBody,
    answer: acceptInvitationAnswer,
    async handle({ services, body }) {
      const { account, member, token, secret } = await acceptInvitation(services, body);
      const now = services.now();
      return {
        account: viewAccount(account),
        secret,
        member: memberView(member, now),
        token: tokenView(token, now),
      };
    },
  }),
  route({
    method: 'get',
    path: '/members/me/tokens',
    role: 'viewer',
    tag: 'tokens',
    summary: 'List your own API tokens, without their secrets',
    query: tokensQuery,
    answer: pageOf('tokens', tokenSchema),
    async handle({ services, caller, query }) {
      const { member, tokens } = await listOwnTokens(services, caller);
      const now = services.now();
      const own = new Map([[member.id, member]]);
      const wanted = tokens.filter(keepBy(tokenTests(now, own), query));
      const { items, next_cursor } = listPage(query, ({ id }) => id, wanted);
      return { tokens: items.map((one) => tokenView(one, now, own)), next_cursor };
    },
  }),
  create({
    path: '/members/me/tokens',
    role: 'viewer',
    tag: 'tokens',
    summary: 'Create an API token of your own',
    description:
      'Nobody else can make one for you. It has no role that the calling token lacks. Only this response contains the secret.',
    status: 201,
    secret: true,
    body: createOwnTokenBody,
    answer: createTokenAnswer,
    handle: ({ services, caller, body }) => createOwnToken(services, caller, body),
    view: ({ token, secret }, { services }) => ({
      token: tokenView(token, services.now()),
      secret,
    }),
  }),
  route({
    method: 'delete',
    path: '/members/me/tokens/{id}',
    role: 'viewer',
    tag: 'tokens',
    summary: 'Revoke an API token of your own',
    status: 204,
    params: z.object({ id: idSchema('token') }),
    handle: ({ services, caller, params }) => revokeOwnToken(services, caller, params.id),
  }),
];
