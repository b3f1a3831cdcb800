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
export { addMember } from './add-member.ts';
export { authenticateToken, callerOf, tokenRefusal } from './authenticate-token.ts';
export { createAccount, mintAdminToken } from './create-account.ts';
export { createCategory } from './create-category.ts';
export { createToken } from './create-token.ts';
export { signAsDirector } from './director-key.ts';
export { removeMember } from './remove-member.ts';
export { requireAccount } from './require-account.ts';
export { revokeToken } from './revoke-token.ts';
