export * from './poll-outcome.ts';
export * from './repository.ts';
export * from './tag-list.ts';
export * from './tag-look.ts';
export * from './tags-due.ts';
export * from './unreadable-tag.ts';
