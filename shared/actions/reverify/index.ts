export { reverifyVersion } from './reverify-version.ts';
export { fanOut, scheduleReverification } from './schedule-reverification.ts';
