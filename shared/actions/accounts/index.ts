export {
  type HeldRoot,
  pinnedRoot,
  proposeRoot,
  readRoot,
  readTrust,
  rootUrlsAfter,
  signRoot,
  spreadRotations,
  type Trust,
  withdrawRoot,
} from './account-root.ts';
export { authenticateToken, callerOf, tokenRefusal } from './authenticate-token.ts';
export { deleteCategory, updateCategory } from './change-category.ts';
export {
  continueCreation,
  createAccount,
  readAccount,
  scheduleCreations,
} from './create-account.ts';
export { createCategory } from './create-category.ts';
export { createToken, refusePast } from './create-token.ts';
export { describeCaller } from './describe-caller.ts';
export { signAsDirector } from './director-key.ts';
export { makeToken, mintAdminToken, type NewToken } from './make-token.ts';
export { requireAccount, requireMember } from './require-account.ts';
export { revokeToken } from './revoke-token.ts';
