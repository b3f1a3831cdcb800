export { createTemplate } from './create-template.ts';
export { deleteTemplate } from './delete-template.ts';
export { renameTemplate } from './rename-template.ts';
export { requireAssignment, requireTemplate } from './require-template.ts';
