export { listAttestations, readSbom } from './attestations.ts';
export { checkCategory, checkTrust, identitiesOf, repositoryOf } from './check-registration.ts';
export { diffVersions } from './compare-versions.ts';
export { deleteModule } from './delete-module.ts';
export { explainArtifact, reasonFor } from './explain-artifact.ts';
export { accountConflicts } from './manifest-conflicts.ts';
export {
  presentPublicModules,
  readPublicModules,
  requirePublicModule,
} from './public-modules.ts';
export { registerModule } from './register-module.ts';
export { askForPoll, requestPoll } from './request-poll.ts';
export { requireModule, requireVersion } from './require-module.ts';
export { resolveModule } from './resolve-module.ts';
export { validateManifest } from './validate-manifest.ts';
export { diffPackages } from './version-packages.ts';
export {
  refuseUsedModule,
  templatesUsing,
  usesOfModule,
  usesWithoutSuccessor,
  type VersionUse,
} from './version-uses.ts';
