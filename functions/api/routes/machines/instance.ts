import {
  decommissionInstance,
  readDrift,
  renewJoinToken,
  requireInstance,
} from '../../../../shared/actions/machines/index.ts';
import { createMachine, updateInstance } from '../../../../shared/actions/operations/index.ts';
import { previewInstanceChange } from '../../../../shared/actions/preview/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import {
  createInstanceAnswer,
  createInstanceBody,
  driftAnswer,
  instanceAnswer,
  instanceParams,
  instanceSchema,
  instancesQuery,
  joinTokenAnswer,
  updateInstanceBody,
} from '../../../../shared/contract/machines/index.ts';
import { operationAnswer } from '../../../../shared/contract/operations/index.ts';
import { previewAnswer } from '../../../../shared/contract/preview/index.ts';
import { instanceTests } from '../../../../shared/domain/machines/index.ts';
import { listInstances } from '../../../../shared/store/machines/index.ts';
import { requestedMetadata } from '../../merge-patch.ts';
import { storePage } from '../../paging.ts';
import { type Call, create, type Route, route } from '../../route.ts';
import { instanceView } from '../../views.ts';

export const instanceRoutes: Route[] = [
  route({
    method: 'get',
    path: '/instances',
    role: 'viewer',
    tag: 'instances',
    summary: 'List the instances that are not decommissioned, oldest first',
    query: instancesQuery,
    answer: pageOf('instances', instanceSchema),
    async handle({ services, caller: { account }, query }) {
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) =>
          listInstances(services.db, { account, template_id: query.template }, limit, after),
        (instance) => instance.id,
        keepBy(instanceTests(services.now()), query),
      );
      return {
        instances: items.map((instance) => instanceView(instance, services.now())),
        next_cursor,
      };
    },
  }),
  create({
    path: '/instances',
    role: 'operator',
    tag: 'instances',
    summary: 'Create an instance of a template',
    description:
      'Only this response contains the join token for `gantry agent enroll`. It works once within 24 hours. `keys_missing` lists the metadata that the instance needs before it gets a desired state. On another track than `live` it needs what moving it there needs: where that is an approval, create it on `live` and move it.',
    status: 201,
    secret: true,
    body: createInstanceBody,
    answer: createInstanceAnswer,
    handle: ({ services, caller, body }) => createMachine(services, caller, body),
    view: ({ instance, ...rest }, { services }) => ({
      instance: instanceView(instance, services.now()),
      ...rest,
    }),
  }),
  route({
    method: 'get',
    path: '/instances/{id}',
    role: 'viewer',
    tag: 'instances',
    summary: 'Get an instance, its desired state and what it runs',
    params: instanceParams,
    answer: instanceAnswer,
    async handle({ services, caller, params }) {
      return {
        instance: instanceView(
          await requireInstance(services, caller.account, params.id),
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
    summary: 'Change the name, metadata, track or clusters of an instance',
    status: 202,
    params: instanceParams,
    body: updateInstanceBody,
    merges: true,
    answer: operationAnswer,
    async handle(call) {
      const { services, caller } = call;
      return { operation: await updateInstance(services, caller, await updateOf(call)) };
    },
  }),
  route({
    method: 'post',
    path: '/instances/{id}/preview',
    role: 'viewer',
    reads: true,
    tag: 'instances',
    summary: 'Preview what a change of an instance would do',
    description:
      'Changes nothing. If rendered files use a key that the metadata would lack, the error of the instance says so.',
    params: instanceParams,
    body: updateInstanceBody,
    merges: true,
    answer: previewAnswer,
    async handle(call) {
      const { services, caller } = call;
      return previewInstanceChange(services, caller.account, await updateOf(call));
    },
  }),
  create({
    path: '/instances/{id}/join-token',
    role: 'operator',
    tag: 'instances',
    summary: 'Create a new join token; the old one becomes invalid',
    status: 201,
    secret: true,
    params: instanceParams,
    answer: joinTokenAnswer,
    handle: ({ services, caller, params }) => renewJoinToken(services, caller, params.id),
    view: (made) => made,
  }),
  route({
    method: 'post',
    path: '/instances/{id}/decommission',
    role: 'operator',
    tag: 'instances',
    summary: 'Decommission an instance permanently',
    description:
      'Revokes the credential. The agent learns this with its next call, within an hour, and deletes its key and secrets. The record stays.',
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
    summary: 'Compare what an instance runs with its desired state',
    params: instanceParams,
    answer: driftAnswer,
    handle: ({ services, caller, params }) => readDrift(services, caller, params.id),
  }),
];

type UpdateCall = Call<typeof updateInstanceBody, undefined, typeof instanceParams>;

/** The change of an instance that a request asks for, with all of the metadata. */
async function updateOf({ services, caller, params: { id }, body, merges }: UpdateCall) {
  const { metadata: present } = await requireInstance(services, caller.account, id);
  const { metadata: _, ...rest } = body;
  return { id, ...rest, ...requestedMetadata({ body, merges }, present) };
}
