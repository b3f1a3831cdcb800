export * from './compose-request.ts';
export * from './composition.ts';
export * from './composition-failure.ts';
export * from './considered-modules.ts';
export * from './dependency.ts';
export * from './granted-privileges.ts';
export * from './trial-findings.ts';
