export * from './warning.ts';
