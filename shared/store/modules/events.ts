import type { Module, Version } from '../../domain/modules/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a module's registration. */
export const moduleEvent = eventMaker('module', ({ account, name }: Module) => ({
  account,
  subject: `module/${name}`,
  data: {},
}));

/** The write of an event about a version. */
export const versionEvent = eventMaker(
  'version',
  ({ account, id, module }: Pick<Version, 'account' | 'id' | 'module'>) => ({
    account,
    subject: `version/${id}`,
    data: { module },
  }),
);
