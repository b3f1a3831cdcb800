import type { RegistryHook, RegistryLogin } from '../../domain/registries/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about an account's registry. */
export const registryEvent = eventMaker(
  'registry',
  ({ account, host }: Pick<RegistryLogin, 'account' | 'host'>) => ({
    account,
    subject: `registry/${host}`,
    data: {},
  }),
);

/** The write of an event about a webhook. */
export const hookEvent = eventMaker('hook', ({ account, id }: RegistryHook) => ({
  account,
  subject: `hook/${id}`,
  data: {},
}));
