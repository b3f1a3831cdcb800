import { z } from 'zod';
import type { Services } from '../../../../shared/actions/context/index.ts';
import {
  createHook,
  forgetRegistryLogin,
  hookUrl,
  removeHook,
  storeRegistryLogin,
} from '../../../../shared/actions/registries/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { idSchema } from '../../../../shared/base/ids.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import {
  createHookAnswer,
  createHookBody,
  hookSchema,
  hooksQuery,
  registriesQuery,
  registryHostSchema,
  registryLoginBody,
  registrySchema,
} from '../../../../shared/contract/registries/index.ts';
import {
  hookTests,
  type RegistryHook,
  registryTests,
} from '../../../../shared/domain/registries/index.ts';
import { listHooks, listRegistryLogins } from '../../../../shared/store/registries/index.ts';
import { listPage } from '../../paging.ts';
import { create, type Route, route } from '../../route.ts';

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
    summary: 'List the registries with stored credentials, without the credentials',
    query: registriesQuery,
    answer: pageOf('registries', registrySchema),
    async handle({ services, caller, query }) {
      const logins = await listRegistryLogins(services.db, caller.account);
      const wanted = logins.filter(keepBy(registryTests, query));
      const { items, next_cursor } = listPage(query, ({ host }) => host, wanted);
      return { registries: items, next_cursor };
    },
  }),
  route({
    method: 'put',
    path: '/registries/{host}',
    role: 'operator',
    tag: 'registries',
    summary: 'Store credentials for a registry, the authority of its certificate, or both',
    description:
      'Replaces all that was stored for the registry. Gantry uses it to read from this host, and never returns a password.',
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
    summary: 'Remove the credentials for a registry',
    status: 204,
    params: ofHost,
    handle: ({ services, caller, params }) => forgetRegistryLogin(services, caller, params.host),
  }),
  route({
    method: 'get',
    path: '/hooks',
    role: 'operator',
    tag: 'registries',
    summary: 'List the webhooks for registry pushes, without their secrets',
    query: hooksQuery,
    answer: pageOf('hooks', hookSchema),
    async handle({ services, caller, query }) {
      const all = await listHooks(services.db, caller.account);
      const wanted = all.filter(keepBy(hookTests, query));
      const { items, next_cursor } = listPage(query, ({ id }) => id, wanted);
      return { hooks: items.map((hook) => hookView(services, hook)), next_cursor };
    },
  }),
  create({
    path: '/hooks',
    role: 'operator',
    tag: 'registries',
    summary: 'Create a webhook for a registry',
    description:
      'Returns the URL and the secret to enter in the registry. Only this response contains the secret. A call only makes Gantry poll registered repositories of that host immediately.',
    status: 201,
    secret: true,
    body: createHookBody,
    answer: createHookAnswer,
    handle: ({ services, caller, body }) => createHook(services, caller, body),
    view: ({ hook, secret }, { services }) => ({ hook: hookView(services, hook), secret }),
  }),
  route({
    method: 'delete',
    path: '/hooks/{id}',
    role: 'operator',
    tag: 'registries',
    summary: 'Remove a webhook immediately',
    status: 204,
    params: z.object({ id: idSchema('hook') }),
    handle: ({ services, caller, params }) => removeHook(services, caller, params.id),
  }),
];
