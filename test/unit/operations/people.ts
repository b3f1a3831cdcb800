import type { Member } from '../../../shared/domain/accounts/index.ts';

export const before = '2026-01-01T00:00:00.000Z';

export const member: Member = {
  account: 'acme',
  id: 'mbr_1',
  email: 'rita@example.com',
  name: 'Rita',
  roles: ['viewer'],
  groups: [],
  invitation: null,
  joined_at: before,
  reviewer_since: null,
  counts_as: null,
  revision: 1,
  created_at: before,
};

/** A reviewer who joined long ago. */
export const reviewer = (id = 'mbr_2', groups: string[] = []): Member => ({
  ...member,
  id,
  roles: ['reviewer'],
  groups,
  reviewer_since: before,
});
