export * from './events.ts';
export * from './repository.ts';
