export * from './approval.ts';
export * from './notice.ts';
export * from './open-request.ts';
export * from './operation.ts';
export * from './policy.ts';
