export * from './repository.ts';
export * from './tags-to-look-at.ts';
