export * from './account.ts';
export * from './account-creation.ts';
export * from './account-root.ts';
export * from './filters.ts';
export * from './member.ts';
