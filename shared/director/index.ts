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
  describeRoot,
  makeRoot,
  nextRoot,
  type RootChange,
  type RootDescription,
  type RootSignature,
  type RootStanding,
  signRootWith,
  standingOf,
  withSignature,
} from './root.ts';
export {
  claimedContent,
  type DesiredStateCheck,
  parseRoot,
  type VerifiedDesiredState,
  verifyDesiredState,
  verifyNextRoot,
  verifyRoot,
} from './verify.ts';
