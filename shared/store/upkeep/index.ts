export * from './events.ts';
export * from './warning.ts';
