import {
  createInstance,
  decommissionInstance,
  renewJoinToken,
} from '../../../../shared/actions/machines/index.ts';
import { updateInstance } from '../../../../shared/actions/operations/index.ts';
import { previewInstanceChange } from '../../../../shared/actions/preview/index.ts';
import { pageOf, pageQuery } from '../../../../shared/contract/http/index.ts';
import {
  createInstanceAnswer,
  createInstanceBody,
  driftAnswer,
  instanceAnswer,
  instanceParams,
  instanceSchema,
  joinTokenAnswer,
  updateInstanceBody,
} from '../../../../shared/contract/machines/index.ts';
import { operationAnswer } from '../../../../shared/contract/operations/index.ts';
import { previewAnswer } from '../../../../shared/contract/preview/index.ts';
import { driftOf } from '../../../../shared/domain/machines/index.ts';
import { getInstance, listInstances } from '../../../../shared/store/machines/index.ts';
import { storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';
import { found, instanceView } from '../../views.ts';

export const instanceRoutes: Route[] = [
  route({
    method: 'get',
    path: '/instances',
    role: 'viewer',
    tag: 'instances',
    summary: 'Instances, oldest first',
    query: pageQuery,
    answer: pageOf('instances', instanceSchema),
    async handle({ services, caller, query }) {
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => listInstances(services.db, caller.account, limit, after),
        (instance) => instance.id,
      );
      return {
        instances: items.map((instance) => instanceView(instance, services.now())),
        next_cursor,
      };
    },
  }),
  route({
    method: 'post',
    path: '/instances',
    role: 'operator',
    tag: 'instances',
    summary: 'Make an instance of a template',
    description:
      'The join token, for `gantry agent enroll`, is in this answer and nowhere else; it is good once, for 24 h. `keys_missing` tells what its metadata lacks to be given a desired state.',
    status: 201,
    secret: true,
    body: createInstanceBody,
    answer: createInstanceAnswer,
    async handle({ services, caller, body }) {
      const { instance, ...rest } = await createInstance(services, caller, body);
      return { instance: instanceView(instance, services.now()), ...rest };
    },
  }),
  route({
    method: 'get',
    path: '/instances/{id}',
    role: 'viewer',
    tag: 'instances',
    summary: 'An instance: what it should run and what it runs',
    params: instanceParams,
    answer: instanceAnswer,
    async handle({ services, caller, params }) {
      return {
        instance: instanceView(
          found(await getInstance(services.db, caller.account, params.id), 'instance', params.id),
          services.now(),
        ),
      };
    },
  }),
  route({
    method: 'patch',
    path: '/instances/{id}',
    role: 'operator',
    tag: 'instances',
    summary: 'Change metadata, track or clusters',
    status: 202,
    params: instanceParams,
    body: updateInstanceBody,
    answer: operationAnswer,
    async handle({ services, caller, params, body }) {
      return { operation: await updateInstance(services, caller, { id: params.id, ...body }) };
    },
  }),
  route({
    method: 'post',
    path: '/instances/{id}/preview',
    role: 'viewer',
    tag: 'instances',
    summary: 'What a change of the instance would do to it, before it is asked for',
    description:
      'Nothing is changed. A key that rendered files ask for and the metadata would lack is told as the error of the instance.',
    params: instanceParams,
    body: updateInstanceBody,
    answer: previewAnswer,
    handle: ({ services, caller: { account }, params, body }) =>
      previewInstanceChange(services, account, { id: params.id, ...body }),
  }),
  route({
    method: 'post',
    path: '/instances/{id}/join-token',
    role: 'operator',
    tag: 'instances',
    summary: 'Make a new join token; the one before it ends',
    status: 201,
    secret: true,
    params: instanceParams,
    answer: joinTokenAnswer,
    handle: ({ services, caller, params }) => renewJoinToken(services, caller, params.id),
  }),
  route({
    method: 'post',
    path: '/instances/{id}/decommission',
    role: 'operator',
    tag: 'instances',
    summary: 'End an instance for good: its credential ends, its agent wipes its key and secrets',
    description: 'The row stays. The agent learns it with its next call, within the hour.',
    params: instanceParams,
    answer: instanceAnswer,
    async handle({ services, caller, params }) {
      return {
        instance: instanceView(
          await decommissionInstance(services, caller, params.id),
          services.now(),
        ),
      };
    },
  }),
  route({
    method: 'get',
    path: '/instances/{id}/drift',
    role: 'viewer',
    tag: 'instances',
    summary: 'What the instance should run against what it runs',
    params: instanceParams,
    answer: driftAnswer,
    async handle({ services, caller, params }) {
      const instance = found(
        await getInstance(services.db, caller.account, params.id),
        'instance',
        params.id,
      );
      return driftOf(instance, services.now());
    },
  }),
];
