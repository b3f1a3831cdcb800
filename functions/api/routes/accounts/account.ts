import { z } from 'zod';
import {
  createAccount,
  createCategory,
  createToken,
  deleteCategory,
  describeCaller,
  readAccount,
  revokeToken,
  updateCategory,
} from '../../../../shared/actions/accounts/index.ts';
import { GantryError } from '../../../../shared/base/error.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import {
  accountParams,
  accountSchema,
  callerAnswer,
  createAccountAnswer,
  createAccountBody,
  createTokenAnswer,
  createTokenBody,
  tokenSchema,
  tokensQuery,
} from '../../../../shared/contract/accounts/index.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import {
  categoriesQuery,
  categoryParams,
  categorySchema,
  createCategoryBody,
  updateCategoryBody,
} from '../../../../shared/contract/modules/index.ts';
import { tokenTests } from '../../../../shared/domain/accounts/index.ts';
import { categoryTests } from '../../../../shared/domain/modules/index.ts';
import {
  listCategories,
  listMembers,
  listTokens,
} from '../../../../shared/store/accounts/index.ts';
import { listPage } from '../../paging.ts';
import { create, type Route, route } from '../../route.ts';
import { tokenView } from '../../views.ts';

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
      return { account: await readAccount(services, caller.account) };
    },
  }),
  route({
    method: 'get',
    path: '/accounts/{slug}',
    role: 'viewer',
    tag: 'accounts',
    summary: 'Get an account, also while it is being created',
    description: 'The token of the deployment reads every account, another token its own.',
    params: accountParams,
    answer: z.object({ account: accountSchema }),
    async handle({ services, caller, params: { slug } }) {
      if (slug !== caller.account && !caller.platform) {
        throw new GantryError('not_found', `expected an account "${slug}", found none`, {
          field: 'slug',
          found: slug,
        });
      }

      return { account: await readAccount(services, slug) };
    },
  }),
  route({
    method: 'get',
    path: '/whoami',
    role: 'viewer',
    tag: 'accounts',
    summary: 'Get who calls: the member, the roles in force and the token',
    answer: callerAnswer,
    handle: ({ services, caller, bearer }) => describeCaller(services, caller, bearer),
  }),
  create({
    path: '/accounts',
    role: 'platform',
    tag: 'accounts',
    summary: 'Create an account and its first admin token',
    description:
      'Requires the token that the deployment printed. Only this response contains the token of the new account. An account that is not `active` yet is tried again for a day: poll it.',
    status: 202,
    secret: true,
    body: createAccountBody,
    answer: createAccountAnswer,
    handle: ({ services, body }) => createAccount(services, body),
    view: (made) => made,
  }),
];

export const tokenRoutes: Route[] = [
  route({
    method: 'get',
    path: '/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'List the API tokens of the account, without their secrets',
    query: tokensQuery,
    answer: pageOf('tokens', tokenSchema),
    async handle({ services, caller, query }) {
      const all = await listMembers(services.db, caller.account);
      const members = new Map(all.map((member) => [member.id, member]));
      const now = services.now();
      const tokens = await listTokens(services.db, caller.account);
      const wanted = tokens.filter(keepBy(tokenTests(now, members), query));
      const { items, next_cursor } = listPage(query, byId, wanted);
      return { tokens: items.map((one) => tokenView(one, now, members)), next_cursor };
    },
  }),
  create({
    path: '/tokens',
    role: 'admin',
    tag: 'tokens',
    summary: 'Create a service token, for a program',
    description:
      'It counts as the person who makes it and cannot review. Members make their own at /members/me/tokens. Only this response contains the secret.',
    status: 201,
    secret: true,
    body: createTokenBody,
    answer: createTokenAnswer,
    handle: ({ services, caller, body }) => createToken(services, caller, body),
    view: ({ token, secret }, { services }) => ({
      token: tokenView(token, services.now()),
      secret,
    }),
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
    query: categoriesQuery,
    answer: pageOf('categories', categorySchema),
    async handle({ services, caller, query }) {
      const all = await listCategories(services.db, caller.account);
      const wanted = all.filter(keepBy(categoryTests, query));
      const { items, next_cursor } = listPage(query, (category) => category.slug, wanted);
      return { categories: items, next_cursor };
    },
  }),
  create({
    path: '/categories',
    role: 'operator',
    tag: 'categories',
    summary: 'Create a category',
    status: 201,
    body: createCategoryBody,
    answer: z.object({ category: categorySchema }),
    handle: ({ services, caller, body }) => createCategory(services, caller, body),
    view: (category) => ({ category }),
  }),
  route({
    method: 'patch',
    path: '/categories/{slug}',
    role: 'operator',
    tag: 'categories',
    summary: 'Rename a category, or move an empty one',
    description:
      'A position decides the priority of layers. So it changes only while the category has no modules: change the category of each module instead, which can be previewed.',
    params: categoryParams,
    body: updateCategoryBody,
    answer: z.object({ category: categorySchema }),
    async handle({ services, caller, params, body }) {
      return { category: await updateCategory(services, caller, params.slug, body) };
    },
  }),
  route({
    method: 'delete',
    path: '/categories/{slug}',
    role: 'operator',
    tag: 'categories',
    summary: 'Delete a category without modules',
    status: 204,
    params: categoryParams,
    handle: ({ services, caller, params }) => deleteCategory(services, caller, params.slug),
  }),
];
