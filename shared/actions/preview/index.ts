export { explainTemplatePath, readComposition } from './explain-path.ts';
export { previewChange, previewInstanceChange } from './preview-change.ts';
