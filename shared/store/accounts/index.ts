export * from './account.ts';
export * from './account-creation.ts';
export * from './account-root.ts';
export * from './events.ts';
export * from './member.ts';
export * from './token.ts';
