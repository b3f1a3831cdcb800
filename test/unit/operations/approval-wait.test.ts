import { describe, expect, it } from 'vitest';
import {
  type Approval,
  type ApprovalDecision,
  dueReminders,
  votesOf,
  waitText,
} from '../../../shared/domain/operations/index.ts';
import { approvalOf } from '../../support/approval.ts';
import { before, reviewer } from './people.ts';

const decided = (id: string, decision: 'approve' | 'reject' = 'approve'): ApprovalDecision => ({
  reviewer: `member:${id}`,
  reviewer_email: `${id}@example.com`,
  decision,
  comment: null,
  decided_at: before,
  by: 'api',
  person: `member:${id}`,
  signed_in_by: 'invitation',
});

const approval = (more: Partial<Approval>): Approval =>
  approvalOf({
    quorum: 2,
    requested_at: '2026-01-02T00:00:00.000Z',
    created_at: '2026-01-02T00:00:00.000Z',
    expires_at: '2026-01-05T00:00:00.000Z',
    ...more,
  });
const person = (id: string, groups: string[] = []) => ({
  ...reviewer(id, groups),
  email: `${id}@example.com`,
});

describe('a request', () => {
  it.each<[string, Partial<Approval>, ReturnType<typeof person>[], number, unknown]>([
    [
      'waits for as many as its quorum',
      {},
      [person('a'), person('b')],
      0,
      { approvals: 2, reviewers: ['a@example.com', 'b@example.com'], unmeetable: false },
    ],
    [
      'waits for those who have not decided',
      { decisions: [decided('a')] },
      [person('a'), person('b')],
      1,
      { approvals: 1, reviewers: ['b@example.com'], unmeetable: false },
    ],
    [
      'counts nobody who left, and then cannot be met',
      { decisions: [decided('a')] },
      [person('b')],
      0,
      { approvals: 2, reviewers: ['b@example.com'], unmeetable: true },
    ],
    [
      'does not wait for its requester',
      { requested_by_person: 'member:a' },
      [person('a'), person('b')],
      0,
      { approvals: 2, reviewers: ['b@example.com'], unmeetable: true },
    ],
    [
      'does not wait for whom it lets decide more',
      { concerned: ['a'] },
      [person('a'), person('b')],
      0,
      { approvals: 2, reviewers: ['b@example.com'], unmeetable: true },
    ],
    [
      'waits for its groups only',
      { quorum: 1, reviewer_groups: ['security'] },
      [person('a'), person('b', ['security'])],
      0,
      { approvals: 1, reviewers: ['b@example.com'], unmeetable: false },
    ],
    [
      'does not wait for who became a reviewer later',
      { quorum: 1 },
      [person('a'), { ...person('b'), reviewer_since: '2026-01-03T00:00:00.000Z' }],
      0,
      { approvals: 1, reviewers: ['a@example.com'], unmeetable: false },
    ],
  ])('%s', (_, more, reviewers, approvals, wait) => {
    expect(votesOf(approval(more), reviewers)).toEqual({
      approvals,
      waits_for: { ...(wait as object), unmailed: [] },
    });
  });

  it('that is decided waits for nothing, and keeps its count although reviewers left', () => {
    const ended = approval({ state: 'approved', decisions: [decided('a'), decided('b')] });
    expect(votesOf(ended, [])).toEqual({ approvals: 2, waits_for: null });
  });

  it('that is rejected counts the approvals before, not the rejection', () => {
    const ended = approval({
      state: 'rejected',
      decisions: [decided('a'), decided('b', 'reject')],
    });
    expect(votesOf(ended, [])).toEqual({ approvals: 1, waits_for: null });
  });

  it.each([
    [
      { approvals: 1, reviewers: ['a@x.org', 'b@x.org'], unmeetable: false, unmailed: [] },
      '1 more: a@x.org, b@x.org',
    ],
    [
      { approvals: 1, reviewers: [], unmeetable: true, unmailed: [] },
      '1 more than can approve (nobody): withdraw it, add reviewers, request it again',
    ],
    [
      { approvals: 1, reviewers: ['a@x.org'], unmeetable: false, unmailed: ['a@x.org'] },
      '1 more: a@x.org; no mail reached a@x.org',
    ],
  ])('says what it waits for: %j', (wait, text) => {
    expect(waitText(wait)).toBe(text);
  });
});

describe('reminders of a request', () => {
  const from = '2026-01-02T00:00:00.000Z';

  it.each([
    // Three days: after one and a half, and an hour before the end.
    ['2026-01-05T00:00:00.000Z', '2026-01-03T11:59:59.999Z', 0],
    ['2026-01-05T00:00:00.000Z', '2026-01-03T12:00:00.000Z', 1],
    ['2026-01-05T00:00:00.000Z', '2026-01-04T22:59:59.999Z', 1],
    ['2026-01-05T00:00:00.000Z', '2026-01-04T23:00:00.000Z', 2],
    ['2026-01-05T00:00:00.000Z', '2026-01-06T00:00:00.000Z', 2],
    // Two hours: half of it is the hour before the end.
    ['2026-01-02T02:00:00.000Z', '2026-01-02T01:00:00.000Z', 1],
    ['2026-01-02T02:00:00.000Z', '2026-01-02T02:00:00.000Z', 1],
    // A minute.
    ['2026-01-02T00:01:00.000Z', '2026-01-02T00:00:29.999Z', 0],
    ['2026-01-02T00:01:00.000Z', '2026-01-02T00:00:30.000Z', 1],
  ])('that expires at %s, at %s: %d', (expires_at, now, due) => {
    expect(dueReminders({ created_at: from, expires_at }, new Date(now))).toBe(due);
  });
});
