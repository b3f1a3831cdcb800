export {
  collectEffects,
  readAssignmentEffects,
  readChangesEffects,
  readUpdateEffects,
} from './assignment-effects.ts';
export { explainTemplatePath, readComposition } from './explain-path.ts';
export {
  type ChangePreview,
  previewChange,
  previewChanges,
  previewInstanceChange,
} from './preview-change.ts';
export { previewModuleUpdate } from './preview-module-update.ts';
export { readSuitability } from './suitability.ts';
