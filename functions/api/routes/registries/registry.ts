import { z } from 'zod';
import type { Services } from '../../../../shared/actions/context/index.ts';
import {
  createHook,
  forgetRegistryLogin,
  hookUrl,
  removeHook,
  storeRegistryLogin,
} from '../../../../shared/actions/registries/index.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import { pageOf, pageQuery } from '../../../../shared/contract/http/index.ts';
import {
  createHookAnswer,
  createHookBody,
  hookSchema,
  registryHostSchema,
  registryLoginBody,
  registrySchema,
} from '../../../../shared/contract/registries/index.ts';
import type { RegistryHook } from '../../../../shared/domain/registries/index.ts';
import { listHooks, listRegistryLogins } from '../../../../shared/store/registries/index.ts';
import { listPage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

const hookView = (services: Services, hook: RegistryHook) => ({
  ...hook,
  url: hookUrl(services, hook.id),
});
const ofHost = z.object({ host: registryHostSchema });

export const registryRoutes: Route[] = [
  route({
    method: 'get',
    path: '/registries',
    role: 'operator',
    tag: 'registries',
    summary: 'Registries that the account has credentials for, without them',
    query: pageQuery,
    answer: pageOf('registries', registrySchema),
    async handle({ services, caller, query }) {
      const logins = await listRegistryLogins(services.db, caller.account);
      const { items, next_cursor } = listPage(query, ({ host }) => host, logins);
      return { registries: items, next_cursor };
    },
  }),
  route({
    method: 'put',
    path: '/registries/{host}',
    role: 'operator',
    tag: 'registries',
    summary: 'Store the account’s credentials for a registry',
    description:
      'Over those that are there. They are used to read from this host and are never answered.',
    params: ofHost,
    body: registryLoginBody,
    answer: z.object({ registry: registrySchema }),
    async handle({ services, caller, params, body }) {
      return { registry: await storeRegistryLogin(services, caller, params.host, body) };
    },
  }),
  route({
    method: 'delete',
    path: '/registries/{host}',
    role: 'operator',
    tag: 'registries',
    summary: 'Remove the account’s credentials for a registry',
    status: 204,
    params: ofHost,
    handle: ({ services, caller, params }) => forgetRegistryLogin(services, caller, params.host),
  }),
  route({
    method: 'get',
    path: '/hooks',
    role: 'operator',
    tag: 'registries',
    summary: 'Webhooks by which registries tell of pushes, without their secrets',
    query: pageQuery,
    answer: pageOf('hooks', hookSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = listPage(
        query,
        ({ id }) => id,
        await listHooks(services.db, caller.account),
      );
      return { hooks: items.map((hook) => hookView(services, hook)), next_cursor };
    },
  }),
  route({
    method: 'post',
    path: '/hooks',
    role: 'operator',
    tag: 'registries',
    summary: 'Open a webhook for a registry',
    description:
      'The answer names the URL and the secret to configure at the registry; the secret is in this answer and nowhere else. What arrives there only has registered repositories of that host polled at once.',
    status: 201,
    secret: true,
    body: createHookBody,
    answer: createHookAnswer,
    async handle({ services, caller, body }) {
      const { hook, secret } = await createHook(services, caller, body);
      return { hook: hookView(services, hook), secret };
    },
  }),
  route({
    method: 'delete',
    path: '/hooks/{id}',
    role: 'operator',
    tag: 'registries',
    summary: 'Close a webhook at once',
    status: 204,
    params: z.object({ id: idSchema('hook') }),
    handle: ({ services, caller, params }) => removeHook(services, caller, params.id),
  }),
];
