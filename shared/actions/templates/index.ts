export { createTemplate } from './create-template.ts';
export { requireAssignment, requireTemplate } from './require-template.ts';
