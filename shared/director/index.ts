export { directorKey } from './key.ts';
export {
  type DesiredStateOptions,
  type DirectorSigner,
  makeDesiredState,
  makeRoot,
  type RootOptions,
  rootSha256,
  signMetadata,
} from './make.ts';
export {
  type DesiredStateCheck,
  type VerifiedDesiredState,
  verifyDesiredState,
  verifyNextRoot,
  verifyRoot,
} from './verify.ts';
