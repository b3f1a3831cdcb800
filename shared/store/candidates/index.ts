export * from './candidate.ts';
export * from './events.ts';
