export * from './composition.ts';
export * from './composition-failure.ts';
export * from './composition-index.ts';
export * from './composition-report.ts';
export * from './rendered-change.ts';
export * from './template-composition.ts';
export * from './template-view.ts';
export * from './trial-verdict.ts';
