import { listSensors, setSensorMails } from '../../../../shared/actions/upkeep/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import {
  sensorAnswer,
  sensorParams,
  sensorsAnswer,
  updateSensorBody,
  warningsAnswer,
  warningsQuery,
} from '../../../../shared/contract/upkeep/index.ts';
import { warningTests } from '../../../../shared/domain/upkeep/index.ts';
import { listWarnings } from '../../../../shared/store/upkeep/index.ts';
import { storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

export const warningRoutes: Route[] = [
  route({
    method: 'get',
    path: '/warnings',
    role: 'viewer',
    tag: 'warnings',
    summary: 'List the open warnings of the sensors',
    description:
      'A warning says what waits for a person, since when, and what to do. It ends with its cause. Operators get each once a day as an event and a mail.',
    query: warningsQuery,
    answer: warningsAnswer,
    async handle({ services, caller, query }) {
      const all = await listWarnings(services.db, caller.account, query.sensor);
      const keyOf = (row: (typeof all)[number]) => `${row.sensor}#${row.subject}`;
      // A warning that was cleared since the page before must not end the list.
      const { items, next_cursor } = await storePage(
        query,
        async (limit, after) => all.filter((row) => keyOf(row) > after).slice(0, limit),
        keyOf,
        keepBy(warningTests, query),
      );
      return { warnings: items, next_cursor };
    },
  }),
  route({
    method: 'get',
    path: '/sensors',
    role: 'viewer',
    tag: 'warnings',
    summary: 'List the sensors, when they warn, and whether they mail',
    answer: sensorsAnswer,
    async handle({ services, caller }) {
      return { sensors: await listSensors(services, caller.account) };
    },
  }),
  route({
    method: 'patch',
    path: '/sensors/{name}',
    role: 'operator',
    tag: 'warnings',
    summary: 'Set whether a sensor mails the operators of the account',
    description: 'Events and lists have its warnings in any case.',
    params: sensorParams,
    body: updateSensorBody,
    answer: sensorAnswer,
    async handle({ services, caller, params, body }) {
      const set = { sensor: params.name, mails: body.mails };
      return { sensor: await setSensorMails(services, caller, set) };
    },
  }),
];
