import {
  presentPublicModules,
  readPublicModules,
  requirePublicModule,
} from '../../../../shared/actions/modules/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import {
  publicModuleAnswer,
  publicModuleParams,
  publicModulesAnswer,
  publicModulesQuery,
  publicVersionsAnswer,
  publicVersionsQuery,
} from '../../../../shared/contract/modules/index.ts';
import {
  isOffered,
  isPublished,
  presentPublicVersion,
  publicModuleTests,
} from '../../../../shared/domain/modules/index.ts';
import { listVersions, versionPlace } from '../../../../shared/store/modules/index.ts';
import { storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

export const publicModuleRoutes: Route[] = [
  route({
    method: 'get',
    path: '/public-modules',
    role: 'viewer',
    tag: 'public modules',
    summary: 'List the public modules of all accounts, by account and name',
    description: 'Yours are among them. Archived ones are not listed.',
    query: publicModulesQuery,
    answer: publicModulesAnswer,
    async handle({ services, query }) {
      const { publisher } = query;
      const wanted = keepBy(publicModuleTests, query);
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => readPublicModules(services, publisher, { limit, after }),
        ({ account, name }) => `${account}/${name}`,
        (module) => isOffered(module) && wanted(module),
      );
      return { modules: await presentPublicModules(services, items), next_cursor };
    },
  }),
  route({
    method: 'get',
    path: '/public-modules/{account}/{name}',
    role: 'viewer',
    tag: 'public modules',
    summary: 'Get a public module of any account',
    params: publicModuleParams,
    answer: publicModuleAnswer,
    async handle({ services, params }) {
      const found = await requirePublicModule(services, params);
      const [module] = await presentPublicModules(services, [found]);
      if (module === undefined) throw new Error('expected the module that was found');
      return { module };
    },
  }),
  route({
    method: 'get',
    path: '/public-modules/{account}/{name}/versions',
    role: 'viewer',
    tag: 'public modules',
    summary: 'List the versions of a public module that were live, newest first',
    params: publicModuleParams,
    query: publicVersionsQuery,
    answer: publicVersionsAnswer,
    async handle({ services, params, query }) {
      const { account, name: module } = await requirePublicModule(services, params);
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => listVersions(services.db, { account, module }, limit, after),
        versionPlace,
        isPublished,
      );
      return { versions: items.map(presentPublicVersion), next_cursor };
    },
  }),
];
