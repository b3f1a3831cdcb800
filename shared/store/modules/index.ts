export * from './events.ts';
export * from './module.ts';
export * from './provider.ts';
export * from './version.ts';
