export * from './approval.ts';
export * from './change.ts';
export * from './intervention-policy.ts';
export * from './operation.ts';
export * from './policy-check.ts';
export * from './policy-text.ts';
export * from './quorum.ts';
export * from './review.ts';
