export { pollRepository, schedulePolls } from './poll-repository.ts';
export { receiveHook } from './receive-webhook.ts';
