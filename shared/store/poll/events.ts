import type { Repository, Tag } from '../../domain/poll/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a tag. */
export const tagEvent = eventMaker('tag', ({ account, module, tag }: Tag) => ({
  account,
  subject: `module/${module}`,
  data: { tag },
}));

/** The write of an event about a module's repository. */
export const repositoryEvent = eventMaker('repository', ({ account, module }: Repository) => ({
  account,
  subject: `module/${module}`,
  data: {},
}));
