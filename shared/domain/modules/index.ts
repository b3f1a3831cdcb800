export * from './category.ts';
export * from './manifest.ts';
export * from './module.ts';
export * from './promotion.ts';
export * from './version.ts';
export * from './version-name.ts';
export * from './version-string.ts';
