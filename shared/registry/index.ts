export { attachBundle } from './attach.ts';
export { type Credentials, createRegistryMemory, type RegistryMemory } from './auth.ts';
export { type ExpectedBlob, readVerified, verifyStream } from './blob.ts';
export { listBuilds, platformOf } from './builds.ts';
export { fallbackTag, type ManifestContent, type ManifestHead, RegistryClient } from './client.ts';
export type { RegistryClientOptions } from './connection.ts';
export { concernsOne, isOutage, isOutageCode, mayMeanAbsence } from './failure.ts';
export { guardedDispatcher } from './guard.ts';
export { type Headers, isAuthentic, pushedRepositories } from './notification.ts';
export { readPause } from './pause.ts';
export { ecrRegion, parseReference, type Reference } from './reference.ts';
export {
  type Descriptor,
  emptyBlob,
  type Index,
  isIndex,
  type Manifest,
  mediaTypes,
  parseImageConfig,
  parseIndex,
  parseManifest,
  platformAnnotation,
  signed,
} from './schema.ts';
export { collectSignatures, findSignatures } from './signatures.ts';
export type { TagList } from './tags.ts';
export { type RequestEvent, Transport, type TransportOptions } from './transport.ts';
