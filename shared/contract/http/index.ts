export * from './fields.ts';
export * from './filters.ts';
export * from './paging.ts';
export * from './problem.ts';
