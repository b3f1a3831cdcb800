import { z } from 'zod';
import {
  deleteModule,
  explainArtifact,
  registerModule,
  requestPoll,
  requireModule,
  validateManifest,
} from '../../../../shared/actions/modules/index.ts';
import {
  changeReservations,
  readWithholders,
  rollBackModule,
  updateModule,
} from '../../../../shared/actions/operations/index.ts';
import { previewModuleUpdate } from '../../../../shared/actions/preview/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import { slugSchema } from '../../../../shared/base/slug.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import {
  changeReservationsBody,
  explainAnswer,
  explainQuery,
  listedModuleSchema,
  moduleAnswer,
  moduleSchema,
  modulesQuery,
  previewModuleAnswer,
  registerModuleBody,
  rollbackBody,
  updateModuleBody,
  validateManifestAnswer,
  validateManifestBody,
  versionsAnswer,
  versionsQuery,
} from '../../../../shared/contract/modules/index.ts';
import { operationAnswer } from '../../../../shared/contract/operations/index.ts';
import {
  moduleTests,
  versionTests,
  withheldReason,
} from '../../../../shared/domain/modules/index.ts';
import { listCandidates } from '../../../../shared/store/candidates/index.ts';
import {
  listModules,
  listVersions,
  readLiveVersions,
  versionPlace,
} from '../../../../shared/store/modules/index.ts';
import {
  getRepository,
  listMovedTags,
  listUnreadableTags,
  readRepositories,
} from '../../../../shared/store/poll/index.ts';
import { listModuleWarnings } from '../../../../shared/store/upkeep/index.ts';
import { storePage } from '../../paging.ts';
import { create, type Route, route } from '../../route.ts';
import { candidateView, moduleView, versionView } from '../../views.ts';

const params = z.object({ name: slugSchema });

export const moduleRoutes: Route[] = [
  route({
    method: 'get',
    path: '/modules',
    role: 'viewer',
    tag: 'modules',
    summary: 'List the modules of the account by name, with their polling status',
    query: modulesQuery,
    answer: pageOf('modules', listedModuleSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => listModules(services.db, caller.account, limit, after),
        (module) => module.name,
        keepBy(moduleTests, query),
      );

      const names = items.map(({ name }) => name);
      const [polls, warnings, live] = await Promise.all([
        readRepositories(services.db, caller.account, names),
        listModuleWarnings(services.db, caller.account),
        readLiveVersions(services.db, items),
      ]);
      const modules = items.map((module) => {
        const version = live.get(module.live_version_id ?? '') ?? null;
        return {
          ...moduleView(module),
          poll: polls.get(module.name) ?? null,
          warnings: warnings.filter((warning) => warning.module === module.name),
          live_version: version?.version_string ?? null,
          live_withheld: version === null ? null : withheldReason(version),
        };
      });

      return { modules, next_cursor };
    },
  }),
  create({
    path: '/modules',
    role: 'author',
    tag: 'modules',
    summary: 'Register a module',
    description:
      'The registration overrides the manifest. Requires trusted_keys, cosign_identity_regexp with cosign_issuer_regexp, or cosign_identities with several such pairs.',
    status: 201,
    body: registerModuleBody,
    answer: z.object({ module: moduleSchema }),
    handle: ({ services, caller, body }) => registerModule(services, caller, body),
    view: (module) => ({ module: moduleView(module) }),
  }),
  route({
    method: 'get',
    path: '/modules/{name}',
    role: 'viewer',
    tag: 'modules',
    summary: 'Get a module and its polling status',
    params,
    answer: moduleAnswer,
    async handle({ services, caller, params }) {
      const { account } = caller;
      const [module, poll, moved_tags, unreadable, warnings] = await Promise.all([
        requireModule(services, account, params.name),
        getRepository(services.db, account, params.name),
        listMovedTags(services.db, account, params.name),
        listUnreadableTags(services.db, account, params.name),
        listModuleWarnings(services.db, account, params.name),
      ]);
      const unreadable_tags = unreadable.slice(0, limits.unreadableTagsShown);
      return { module: moduleView(module), poll, moved_tags, unreadable_tags, warnings };
    },
  }),
  route({
    method: 'patch',
    path: '/modules/{name}',
    role: 'operator',
    tag: 'modules',
    summary: 'Change the registration of a module',
    description:
      'Omitted fields keep their value. A list replaces the whole list. A change that accepts more artifacts than before is a trust_policy_change and needs approval by default. Any other change, such as the removal of a signer, is a module_change. One that would quarantine versions in use without asking anybody is refused (`in_use`) unless it names that with `quarantine`.',
    status: 202,
    params,
    body: updateModuleBody,
    answer: operationAnswer,
    async handle({ services, caller, params, body }) {
      return { operation: await updateModule(services, caller, params.name, body) };
    },
  }),
  route({
    method: 'post',
    path: '/modules/{name}/preview',
    role: 'viewer',
    reads: true,
    tag: 'modules',
    summary: 'Preview which versions a change of a registration would quarantine',
    description:
      'Changes nothing. The stored signatures decide; the registry may have others, for which re-verification asks it.',
    params,
    body: updateModuleBody,
    answer: previewModuleAnswer,
    handle: ({ services, caller: { account }, params: { name }, body }) =>
      previewModuleUpdate(services, account, { name, ...body }),
  }),
  route({
    method: 'delete',
    path: '/modules/{name}',
    role: 'author',
    tag: 'modules',
    summary: 'Delete a module that never had a version',
    description:
      'Its name is free again. A module with versions is archived instead, by a change of `archived`.',
    status: 204,
    params,
    handle: ({ services, caller, params }) => deleteModule(services, caller, params.name),
  }),
  route({
    method: 'get',
    path: '/modules/{name}/versions',
    role: 'viewer',
    tag: 'modules',
    summary: 'List the versions of a module, newest first, its candidates, moved tags and warnings',
    description:
      'Only the first page of an unfiltered list has candidates, the newest ones, moved tags and warnings.',
    params,
    query: versionsQuery,
    answer: versionsAnswer,
    async handle({ services, caller, params: { name }, query }) {
      const { db } = services;
      const first = query.cursor === undefined && !query.version && !query.state;
      const [module, page, candidates, moved_tags, warnings] = await Promise.all([
        requireModule(services, caller.account, name),
        storePage(
          query,
          (limit, after) =>
            listVersions(db, { account: caller.account, module: name }, limit, after),
          versionPlace,
          keepBy(versionTests, query),
        ),
        first ? listCandidates(db, caller.account, name) : [],
        first ? listMovedTags(db, caller.account, name) : [],
        first ? listModuleWarnings(db, caller.account, name) : [],
      ]);

      const ingested = new Set(page.items.map(({ id }) => id));
      const nameOf = await readWithholders(services, page.items);
      return {
        versions: page.items.map((version) => versionView(version, nameOf, module)),
        next_cursor: page.next_cursor,
        candidates: candidates
          .filter(({ id, state }) => state !== 'ingested' && !ingested.has(id))
          .map(candidateView),
        moved_tags,
        warnings,
      };
    },
  }),
  route({
    method: 'get',
    path: '/modules/{name}/why',
    role: 'viewer',
    tag: 'modules',
    summary: 'Explain the state of an artifact',
    description:
      'Returns each signature with its place and its signer or error. For an artifact that is not a version, it returns the error and how to fix it. For an unknown artifact, it returns the polling status.',
    params,
    query: explainQuery,
    answer: explainAnswer,
    async handle({ services, caller, params, query }) {
      const { version, candidate, ...rest } = await explainArtifact(services, caller, {
        module: params.name,
        ref: query.ref,
      });
      return {
        ...rest,
        version: version && versionView(version, await readWithholders(services, [version]), null),
        candidate: candidate && candidateView(candidate),
      };
    },
  }),
  route({
    method: 'patch',
    path: '/modules/{name}/reservations',
    role: 'operator',
    tag: 'modules',
    summary: 'Grant or revoke reservations of a module',
    description:
      'A granted pattern of its protected_spec also protects paths that the module does not ship, in every template with the module. Other reservations stay.',
    status: 202,
    params,
    body: changeReservationsBody,
    answer: operationAnswer,
    async handle({ services, caller, params, body }) {
      return {
        operation: await changeReservations(services, caller, { module: params.name, ...body }),
      };
    },
  }),
  create({
    path: '/modules/{name}/rollback',
    role: 'operator',
    tag: 'modules',
    summary: 'Go back to a version that was live before',
    description:
      'Holds the live version and makes the previous one live again, in one operation. With `break_glass` it is applied immediately, and a second operation asks reviewers afterwards.',
    status: 202,
    params,
    body: rollbackBody,
    answer: operationAnswer,
    handle: ({ services, caller, params, body }) =>
      rollBackModule(services, caller, { module: params.name, ...body }),
    view: (operation) => ({ operation }),
  }),
  route({
    method: 'post',
    path: '/modules/{name}/poll',
    role: 'author',
    tag: 'modules',
    summary: 'Poll the repository of a module immediately',
    status: 202,
    params,
    answer: z.object({ module: z.string() }),
    async handle({ services, caller, params }) {
      await requestPoll(services, caller, params.name);
      return { module: params.name };
    },
  }),
  route({
    method: 'post',
    path: '/manifests/validate',
    role: 'viewer',
    reads: true,
    tag: 'modules',
    summary: 'Check a module manifest',
    description:
      'Returns errors and warnings with line, column and key path. If the module is registered, its registration is checked too. `conflicts` compares with the newest versions of the other modules of the account. Its kinds are both_protect (cannot be composed), would_be_dropped (your file, by their protection) and would_drop (their file, by yours).',
    body: validateManifestBody,
    answer: validateManifestAnswer,
    handle: ({ services, caller, body }) => validateManifest(services, caller, body),
  }),
];
