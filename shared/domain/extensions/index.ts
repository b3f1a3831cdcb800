export * from './cloudstack-version.ts';
export * from './manifest.ts';
export * from './parameter-value.ts';
