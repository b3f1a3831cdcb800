export * from './events.ts';
export * from './template.ts';
