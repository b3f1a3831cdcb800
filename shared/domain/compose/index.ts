export * from './composition.ts';
export * from './composition-failure.ts';
export * from './rendered-change.ts';
export * from './template-composition.ts';
export * from './template-view.ts';
