import type { ApiToken, Member } from '../../domain/accounts/index.ts';
import type { Category } from '../../domain/modules/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a person of an account. */
export const memberEvent = eventMaker(
  'member',
  ({ account, id }: Pick<Member, 'account' | 'id'>) => ({
    account,
    subject: `member/${id}`,
    data: {},
  }),
);

/** The write of an event about an API token. */
export const tokenEvent = eventMaker(
  'token',
  ({ account, id }: Pick<ApiToken, 'account' | 'id'>) => ({
    account,
    subject: `token/${id}`,
    data: {},
  }),
);

/** The write of an event about a category. */
export const categoryEvent = eventMaker('category', ({ account, slug }: Category) => ({
  account,
  subject: `category/${slug}`,
  data: {},
}));

/** The write of an event about one version of an account's root. */
export const rootEvent = eventMaker(
  'root',
  ({ account, version }: { account: string; version: number }) => ({
    account,
    subject: `root/${version}`,
    data: {},
  }),
);
