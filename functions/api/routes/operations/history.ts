import { isOfKind, nameActors, readHistory } from '../../../../shared/actions/operations/index.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import { historyQuery, listedEventSchema } from '../../../../shared/contract/operations/index.ts';
import { storePage } from '../../paging.ts';
import { type Route, route } from '../../route.ts';

export const historyRoutes: Route[] = [
  route({
    method: 'get',
    path: '/events',
    role: 'viewer',
    tag: 'events',
    summary: 'List the events of the account, newest first',
    description:
      'Who did what, when: of the whole account, or of one object with `about`. Events are kept for 400 days.',
    query: historyQuery,
    answer: pageOf('events', listedEventSchema),
    async handle({ services, caller: { account }, query }) {
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => readHistory(services, account, query, { limit, after }),
        ({ id }) => id,
        (event) => isOfKind(event, query.kind),
      );
      return { events: await nameActors(services, account, items), next_cursor };
    },
  }),
];
