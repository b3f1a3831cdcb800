export * from './history.ts';
export * from './operation.ts';
export * from './steps.ts';
