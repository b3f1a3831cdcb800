import type { Template } from '../../domain/templates/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a template. */
export const templateEvent = eventMaker('template', ({ account, id }: Template) => ({
  account,
  subject: `template/${id}`,
  data: {},
}));
