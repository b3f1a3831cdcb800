export { collectObjects, scheduleCollections } from './collect-objects.ts';
export { publishEvents } from './publish-events.ts';
