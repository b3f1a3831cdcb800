export * from './account-slots.ts';
export * from './events.ts';
export * from './host-budget.ts';
export * from './registry.ts';
