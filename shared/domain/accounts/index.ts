export * from './account.ts';
export * from './account-root.ts';
export * from './member.ts';
