export * from './assignment-changes.ts';
export * from './template.ts';
