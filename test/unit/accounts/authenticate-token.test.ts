import { describe, expect, it } from 'vitest';
import { callerOf, tokenRefusal } from '../../../shared/actions/accounts/index.ts';
import type { ApiToken, Member, Role } from '../../../shared/domain/accounts/index.ts';

const at = '2026-01-01T00:00:00.000Z';
const now = new Date(at);

function token(roles: Role[], more: Partial<ApiToken> = {}): ApiToken {
  return {
    account: 'acme',
    id: 'tok_1',
    name: 'ci',
    roles,
    member_id: null,
    created_by_person: 'member:mbr_9',
    signed_in_by: null,
    platform: false,
    hash: '',
    revision: 1,
    created_at: at,
    expires_at: null,
    revoked_at: null,
    last_used_at: null,
    ...more,
  };
}

function member(...roles: Role[]): Member {
  return {
    account: 'acme',
    id: 'mbr_1',
    email: 'rita@example.com',
    name: 'Rita',
    roles,
    groups: [],
    invitation: null,
    joined_at: at,
    reviewer_since: null,
    counts_as: null,
    revision: 1,
    created_at: at,
  };
}

describe('a token counts', () => {
  it('until it expires, to the millisecond', () => {
    expect(
      tokenRefusal({ revoked_at: null, expires_at: '2026-01-01T00:00:00.001Z' }, now),
    ).toBeNull();
    expect(tokenRefusal({ revoked_at: null, expires_at: at }, now)).toContain('expired');
    expect(tokenRefusal({ revoked_at: null, expires_at: null }, now)).toBeNull();
  });

  it('until it is revoked', () => {
    expect(tokenRefusal({ revoked_at: at, expires_at: null }, now)).toContain('revoked');
  });
});

describe('a token of a member', () => {
  const held = { member_id: 'mbr_1' };

  it('acts as the member', () => {
    expect(callerOf(token(['reviewer'], held), member('reviewer'))).toMatchObject({
      actor: 'member:mbr_1',
      member_id: 'mbr_1',
      roles: ['reviewer'],
    });
  });

  it.each<[Role[], Role[], Role[]]>([
    [['reviewer', 'operator'], ['reviewer'], ['reviewer']],
    [['admin'], ['viewer'], ['viewer']],
    [['author'], ['admin'], ['author']],
    [['admin'], ['admin'], ['admin']],
    [['operator'], ['reviewer'], []],
    [['admin'], ['admin', 'reviewer'], ['admin']],
    [['reviewer'], ['admin'], []],
    [['author'], ['operator', 'admin'], ['author']],
    [
      ['viewer', 'author', 'operator', 'reviewer', 'admin'],
      ['admin', 'reviewer'],
      ['admin', 'author', 'operator', 'reviewer', 'viewer'],
    ],
  ])('with %j of a member with %j has %j', (granted, roles, effective) => {
    expect(callerOf(token(granted, held), member(...roles)).roles.toSorted()).toEqual(
      effective.toSorted(),
    );
  });

  it('ends when the member leaves', () => {
    expect(() => callerOf(token(['admin'], held), null)).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
  });
});
