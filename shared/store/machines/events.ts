import type { Instance } from '../../domain/machines/index.ts';
import { eventMaker } from '../event-maker.ts';

const subjectOf = ({ account, id }: Pick<Instance, 'account' | 'id'>) => ({
  account,
  subject: `instance/${id}`,
  data: {},
});

/** The write of an event about an instance. */
export const instanceEvent = eventMaker('instance', subjectOf);

/** The write of an event about the desired state of an instance. */
export const desiredStateEvent = eventMaker('desired_state', subjectOf);
