export * from './operation.ts';
export * from './steps.ts';
