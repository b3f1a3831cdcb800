export * from './call-chain.ts';
export * from './credential.ts';
export * from './drift.ts';
export * from './filters.ts';
export * from './fleet.ts';
export * from './instance.ts';
export * from './suitability.ts';
