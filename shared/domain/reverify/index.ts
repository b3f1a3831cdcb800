export * from './quarantine.ts';
export * from './reverification.ts';
