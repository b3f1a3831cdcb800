export { tufKey } from './key.ts';
export {
  contentHash,
  type DesiredStateOptions,
  type DirectorSigner,
  makeDesiredState,
  rootSha256,
  signMetadata,
} from './make.ts';
export {
  attachSignature,
  checkSignatures,
  describeRoot,
  makeRoot,
  nextRoot,
  type RootChange,
  type RootDescription,
  type RootSignature,
  type RootStanding,
  signRootWith,
} from './root.ts';
export {
  type DesiredStateCheck,
  parseRoot,
  readClaimedContent,
  refuseNewerFormat,
  type VerifiedDesiredState,
  verifyDesiredState,
  verifyNextRoot,
  verifyRoot,
} from './verify.ts';
