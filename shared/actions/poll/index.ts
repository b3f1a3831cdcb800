export { pollRepository } from './poll-repository.ts';
export { receiveHook } from './receive-webhook.ts';
export { schedulePolls } from './schedule-polls.ts';
