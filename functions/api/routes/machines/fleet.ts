import { z } from 'zod';
import { readFleet, readMachines } from '../../../../shared/actions/machines/index.ts';
import { readSuitability } from '../../../../shared/actions/preview/index.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import { slugSchema } from '../../../../shared/base/slug.ts';
import {
  fleetAnswer,
  fleetQuery,
  machinesAnswer,
  machinesQuery,
  moduleTemplatesAnswer,
  moduleTemplatesQuery,
} from '../../../../shared/contract/machines/index.ts';
import { cursorOf, sortKeyOf, storePage, workPage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

const params = z.object({ name: slugSchema });

export const fleetRoutes: Route[] = [
  route({
    method: 'get',
    path: '/fleet',
    role: 'viewer',
    tag: 'fleet',
    summary: 'Count what machines run and what they should run',
    description:
      'Counts by template, cluster, track, composition digest and module digest. Each page counts only the instances that it read, so add the pages up. Decommissioned instances are left out. Templates list their tracks that cannot be composed. `truncated` means that agents reported more modules or digests than the list has.',
    query: fleetQuery,
    answer: fleetAnswer,
    async handle({ services, caller, query: { cursor, ...query } }) {
      const { fleet, next } = await readFleet(services, caller, {
        ...query,
        place: sortKeyOf(cursor),
      });
      return { fleet, next_cursor: next === null ? null : cursorOf(next) };
    },
  }),
  route({
    method: 'get',
    path: '/modules/{name}/machines',
    role: 'viewer',
    tag: 'fleet',
    summary: 'List the machines that report a module or a version of it',
    description:
      'Each page covers only the instances that it read, so a page before the last one can be empty.',
    params,
    query: machinesQuery,
    answer: machinesAnswer,
    async handle({ services, caller, params: { name }, query: { cursor, account, ...query } }) {
      const place = sortKeyOf(cursor);
      const { machines, next } = await readMachines(services, caller, {
        ...query,
        place,
        module: reference(name, account),
      });

      return { machines, next_cursor: next === null ? null : cursorOf(next) };
    },
  }),
  route({
    method: 'get',
    path: '/modules/{name}/templates',
    role: 'viewer',
    tag: 'fleet',
    summary: 'List the templates and whether each can take the module',
    description:
      'Checks current assignments and the builds of the versions in each track, and composes each template with the module as an assignment would. A page has at most 10 templates, fewer if they are large.',
    params,
    query: moduleTemplatesQuery,
    answer: moduleTemplatesAnswer,
    async handle({ services, caller, params: { name }, query: { account, ...query } }) {
      const { templates, judge } = await readSuitability(
        services,
        caller,
        reference(name, account),
      );

      const limit = Math.min(query.limit, limits.suitabilityPageMax);
      const page = await storePage({ ...query, limit }, templates, ({ id }) => id);
      // One after the other, because each holds the entries of all layers in memory.
      const { items, next_cursor } = await workPage(page, judge, {
        keyOf: ({ id }) => id,
        workMs: limits.suitabilityWorkMs,
        now: services.now,
      });
      return { templates: items, next_cursor };
    },
  }),
];

function reference(name: string, account: string | undefined): string {
  return account === undefined ? name : `${account}/${name}`;
}
