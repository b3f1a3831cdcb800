export * from './account-slots.ts';
export * from './address.ts';
export * from './host-budget.ts';
export * from './registry.ts';
