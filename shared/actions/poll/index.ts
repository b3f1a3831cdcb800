export { pollRepository } from './poll-repository.ts';
export { receiveHook, refuseHook } from './receive-webhook.ts';
export { schedulePolls } from './schedule-polls.ts';
