export { newlyMissing } from './check-instances.ts';
export { composeTemplate } from './compose-template.ts';
export { composeView } from './compose-view.ts';
export { providedBy, readModules } from './known-modules.ts';
export { findNewPrivileges } from './new-privileges.ts';
export { type ChangedByOperation, tryComposition } from './try-composition.ts';
export { wantedUpdates } from './wanted-updates.ts';
