export * from './accounts.ts';
export { attributesFileName, type PathAttributes, parseAttributes } from './attributes.ts';
export * from './copyright.ts';
export * from './database.ts';
export { parseStanzas, type Stanza } from './deb822.ts';
export * from './ids.ts';
export { withParents } from './layer.ts';
export { accountsOfLayers, type LayerAccounts } from './layer-accounts.ts';
export {
  type RecordedPackage,
  readRecord,
  recordFiles,
  recordsDirectory,
} from './layer-records.ts';
export * from './lock.ts';
export { type LayerPlan, planLayer } from './plan-layer.ts';
export { formatProvenance } from './provenance.ts';
export { formatSbom } from './sbom.ts';
export {
  accountsScript,
  describeAccounts,
  dynamicAccounts,
  startingAccounts,
  withLockedIds,
} from './scripted-accounts.ts';
export { compareDebianVersions } from './version.ts';
