export * from './evidence.ts';
export * from './sensor.ts';
export * from './warning.ts';
