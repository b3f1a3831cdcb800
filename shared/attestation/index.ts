export { encodeDocument, mediaTypeOf } from './encode-document.ts';
export { readBuilder } from './provenance.ts';
export { readPackages, type SbomPackage } from './sbom.ts';
export {
  kindOfMediaType,
  summarizeDocument,
  summarizePredicate,
  withoutParameters,
} from './summarize.ts';
