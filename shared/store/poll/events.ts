import type { Repository } from '../../domain/poll/index.ts';
import { eventMaker } from '../event-maker.ts';

interface TagName {
  account: string;
  module: string;
  tag: string;
}

/** The write of an event about a tag. */
export const tagEvent = eventMaker('tag', ({ account, module, tag }: TagName) => ({
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
