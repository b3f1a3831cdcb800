export * from './attestation.ts';
export * from './category.ts';
export * from './module.ts';
export * from './public-module.ts';
export * from './version.ts';
