export * from './agent.ts';
export * from './fleet.ts';
export * from './instance.ts';
