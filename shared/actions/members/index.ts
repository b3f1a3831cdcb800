export { addMember } from './add-member.ts';
export { removeMember, updateMember } from './change-members.ts';
export {
  acceptInvitation,
  type InvitationLink,
  inviteAgain,
  type Joined,
  openInvitation,
} from './invitation.ts';
export { createOwnToken, listOwnTokens, revokeOwnToken } from './own-tokens.ts';
