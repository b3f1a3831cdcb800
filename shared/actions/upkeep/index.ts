export { collectObjects, scheduleCollections } from './collect-objects.ts';
export { publishEvents } from './publish-events.ts';
export { keepReports, keepWaiting, polledModule } from './read-sensed.ts';
export { listSensors, setSensorMails } from './sensor-settings.ts';
export { scheduleWatches, type Watched, watchAccount } from './watch-account.ts';
