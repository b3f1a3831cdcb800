import { z } from 'zod';
import {
  readFleet,
  readMachines,
  readSuitability,
} from '../../../../shared/actions/machines/index.ts';
import { slugSchema } from '../../../../shared/base/slug.ts';
import {
  fleetAnswer,
  fleetQuery,
  machinesAnswer,
  machinesQuery,
  moduleTemplatesAnswer,
  moduleTemplatesQuery,
} from '../../../../shared/contract/machines/index.ts';
import { cursorOf, sortKeyOf, storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

const params = z.object({ name: slugSchema });

export const fleetRoutes: Route[] = [
  route({
    method: 'get',
    path: '/fleet',
    role: 'viewer',
    tag: 'fleet',
    summary: 'What machines run against what they should, counted',
    description:
      'By template, cluster, track, composition digest, and by module with its digests and their versions. A page counts the instances that it read: add the pages up. Decommissioned instances are left out. Templates tell which of their tracks cannot be composed. `truncated` says that agents reported more modules or digests than are listed.',
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
    summary: 'Which machines say that they run the module, or a version of it',
    description:
      'A page holds those of the instances that it read, and may hold none while there are more pages.',
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
    summary: 'Which templates would take the module',
    description:
      'Judged by what is assigned already and by the builds of the versions that the tracks hand out. Whether files conflict is told when the assignment is composed.',
    params,
    query: moduleTemplatesQuery,
    answer: moduleTemplatesAnswer,
    async handle({ services, caller, params: { name }, query: { account, ...query } }) {
      const { templates, judge } = await readSuitability(
        services,
        caller,
        reference(name, account),
      );
      const page = await storePage(query, templates, ({ id }) => id);
      return { templates: page.items.map(judge), next_cursor: page.next_cursor };
    },
  }),
];

function reference(name: string, account: string | undefined): string {
  return account === undefined ? name : `${account}/${name}`;
}
