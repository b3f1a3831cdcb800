export {
  type ExtensionValidation,
  type ParseOptions,
  parseExtensionManifest,
  validateExtensionManifest,
} from './parse.ts';
export { type ReadExtension, readExtensionTree } from './read.ts';
export { extensionManifestJsonSchema, extensionRoot } from './schema.ts';
export { isArchive, readExtensionArchive } from './tree/read-archive.ts';
export { type ExtensionTree, TreeBuilder } from './tree/tree.ts';
