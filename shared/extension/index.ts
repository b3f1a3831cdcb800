export {
  type ExtensionValidation,
  type ParseOptions,
  parseExtensionManifest,
  validateExtensionManifest,
} from './parse.ts';
export { extensionManifestJsonSchema, extensionRoot } from './schema.ts';
