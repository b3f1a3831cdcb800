import { z } from 'zod';
import {
  addMember,
  createAccount,
  createCategory,
  createToken,
  removeMember,
  requireAccount,
  revokeToken,
} from '../../../../shared/actions/accounts/index.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import {
  accountSchema,
  addMemberBody,
  createAccountAnswer,
  createAccountBody,
  createTokenAnswer,
  createTokenBody,
  memberSchema,
  tokenSchema,
} from '../../../../shared/contract/accounts/index.ts';
import { pageOf, pageQuery } from '../../../../shared/contract/http/index.ts';
import { categorySchema, createCategoryBody } from '../../../../shared/contract/modules/index.ts';
import {
  listCategories,
  listMembers,
  listTokens,
} from '../../../../shared/store/accounts/index.ts';
import { listPage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

const byId = (row: { id: string }) => row.id;

export const accountRoutes: Route[] = [
  route({
    method: 'get',
    path: '/accounts/current',
    role: 'viewer',
    tag: 'accounts',
    summary: 'Get the account of the token',
    answer: z.object({ account: accountSchema }),
    async handle({ services, caller }) {
      return { account: await requireAccount(services, caller.account) };
    },
  }),
  route({
    method: 'post',
    path: '/accounts',
    role: 'platform',
    tag: 'accounts',
    summary: 'Create an account and its first admin token',
    description:
      'Requires the token that the deployment printed. Only this response contains the token of the new account.',
    status: 201,
    secret: true,
    body: createAccountBody,
    answer: createAccountAnswer,
    handle: ({ services, body }) => createAccount(services, body),
  }),
];

export const memberRoutes: Route[] = [
  route({
    method: 'get',
    path: '/members',
    role: 'viewer',
    tag: 'members',
    summary: 'List the members of the account',
    query: pageQuery,
    answer: pageOf('members', memberSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = listPage(
        query,
        byId,
        await listMembers(services.db, caller.account),
      );
      return { members: items, next_cursor };
    },
  }),
  route({
    method: 'post',
    path: '/members',
    role: 'admin',
    tag: 'members',
    summary: 'Add a member',
    description: 'Reviewers get approval mail at this address.',
    status: 201,
    body: addMemberBody,
    answer: z.object({ member: memberSchema }),
    async handle({ services, caller, body }) {
      return { member: await addMember(services, caller, body) };
    },
  }),
  route({
    method: 'delete',
    path: '/members/{id}',
    role: 'admin',
    tag: 'members',
    summary: 'Remove a member and revoke their tokens',
    status: 204,
    params: z.object({ id: idSchema('member') }),
    handle: ({ services, caller, params }) => removeMember(services, caller, params.id),
  }),
];

export const tokenRoutes: Route[] = [
  route({
    method: 'get',
    path: '/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'List the API tokens of the account, without their secrets',
    query: pageQuery,
    answer: pageOf('tokens', tokenSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = listPage(
        query,
        byId,
        await listTokens(services.db, caller.account),
      );
      return { tokens: items, next_cursor };
    },
  }),
  route({
    method: 'post',
    path: '/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'Create an API token',
    description: 'Only this response contains the secret.',
    status: 201,
    secret: true,
    body: createTokenBody,
    answer: createTokenAnswer,
    handle: ({ services, caller, body }) => createToken(services, caller, body),
  }),
  route({
    method: 'delete',
    path: '/tokens/{id}',
    role: 'admin',
    tag: 'tokens',
    summary: 'Revoke an API token',
    status: 204,
    params: z.object({ id: idSchema('token') }),
    handle: ({ services, caller, params }) => revokeToken(services, caller, params.id),
  }),
];

export const categoryRoutes: Route[] = [
  route({
    method: 'get',
    path: '/categories',
    role: 'viewer',
    tag: 'categories',
    summary: 'List the categories, lowest position first',
    query: pageQuery,
    answer: pageOf('categories', categorySchema),
    async handle({ services, caller, query }) {
      const all = await listCategories(services.db, caller.account);
      const { items, next_cursor } = listPage(query, (category) => category.slug, all);
      return { categories: items, next_cursor };
    },
  }),
  route({
    method: 'post',
    path: '/categories',
    role: 'operator',
    tag: 'categories',
    summary: 'Create a category',
    status: 201,
    body: createCategoryBody,
    answer: z.object({ category: categorySchema }),
    async handle({ services, caller, body }) {
      return { category: await createCategory(services, caller, body) };
    },
  }),
];
