import { expect, it } from 'vitest';
import {
  ApprovalPage,
  DecidedPage,
  ProblemPage,
} from '../../../../functions/api/web/operations/approve.tsx';
import type { Review } from '../../../../shared/domain/operations/index.ts';
import { approvalOf } from '../../../support/approval.ts';

const at = '2026-01-02T03:04:05.000Z';
const approval = approvalOf({
  summary: 'promote <b>my-redis</b> 0.1.0 to live',
  quorum: 2,
  task_token: 'SECRET',
  requested_at: at,
  expires_at: at,
  created_at: at,
});
const review: Review = {
  requester: 'otto@example.com',
  warnings: [],
  votes: { approvals: 0, quorum: 2 },
  changes: [
    {
      kind: 'version_promote',
      facts: [{ name: 'version', was: '1.1.0', now: '<i>1.0.0</i>' }],
      warnings: ['This is a downgrade: 1.1.0 → 1.0.0.'],
      content: {
        files: { added: ['/etc/<u>x</u>'], removed: [], changed: [], more: 7 },
        packages: { added: [], removed: ['curl'], changed: [], more: 0 },
        manifest: [],
      },
    },
  ],
  templates: [{ template_id: 'tpl_1', name: 'web', track: 'live', machines: 3 }],
  more_templates: 0,
  machines: 3,
  confirmation: '1.0.0',
};
const account = {
  slug: 'acme',
  name: 'Acme Inc.',
  director_key_id: 'SECRET',
  root_sha256: '',
  root_version: 1,
  polled_modules: 0,
  revision: 1,
  created_at: at,
};
const reviewer = {
  account: 'acme',
  id: 'mbr_1',
  email: 'rita@example.com',
  name: 'Rita',
  roles: ['reviewer' as const],
  groups: [],
  invitation: null,
  joined_at: at,
  reviewer_since: at,
  counts_as: null,
  revision: 1,
  created_at: at,
};

it('the page says what is asked, by whom, of which account, until when, and what it changes', () => {
  const html = String(ApprovalPage({ approval, account, reviewer, review }));
  for (const fact of [
    'Acme Inc.',
    'otto@example.com',
    '2026-01-02 03:04 UTC',
    'my-redis',
    '1.1.0',
    'downgrade',
    'curl',
    '7 more not shown',
    'Affects 3 machines',
    'web',
    'Rita',
    '0 of 2',
  ]) {
    expect(html).toContain(fact);
  }

  expect(html).toMatch(/<form method="post">.*value="approve".*value="reject"/s);
  expect(html).not.toContain('SECRET');
});

it('escapes markup in foreign text', () => {
  const html = String(ApprovalPage({ approval, account, reviewer, review }));
  for (const tag of ['<b>', '<i>', '<u>']) expect(html).not.toContain(tag);
  expect(html).toContain('&lt;b&gt;');
});

it('runs no script and names its language', () => {
  const html = String(ApprovalPage({ approval, account, reviewer, review }));
  expect(html).not.toContain('<script');
  expect(html).toContain('<html lang="en">');
  expect(html).toContain('<label for="comment">');
});

it.each([
  ['approve', 'approved', 'now applies the change'],
  ['approve', 'pending', 'required approvals'],
  ['reject', 'rejected', 'Nothing changes'],
] as const)('the page after %s with state %s says "%s"', (decision, state, words) => {
  expect(
    String(DecidedPage({ approval: { ...approval, state }, approvals: 1, decision })),
  ).toContain(words);
});

it('shows a page for a used link', () => {
  const problem = {
    type: '',
    title: 'Gone',
    status: 410,
    code: 'approval_link_used',
    detail: 'the link was used at 3',
    request_id: 'req-1',
  };

  const html = String(ProblemPage({ problem }));
  expect(html).toContain('This link was already used');
  expect(html).toContain('req-1');
});
