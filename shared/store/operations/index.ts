export * from './approval.ts';
export * from './operation.ts';
export * from './policy.ts';
