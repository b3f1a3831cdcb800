export * from './credential.ts';
export * from './events.ts';
export * from './instance.ts';
export * from './resign.ts';
