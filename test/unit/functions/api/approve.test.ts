import { expect, it } from 'vitest';
import {
  ApprovalPage,
  DecidedPage,
  ProblemPage,
} from '../../../../functions/api/web/operations/approve.tsx';
import type { Approval, Operation } from '../../../../shared/domain/operations/index.ts';

const at = '2026-01-02T03:04:05.000Z';
const approval: Approval = {
  account: 'acme',
  id: 'apr_1',
  operation_id: 'op_1',
  actions: ['module_promote_to_live'],
  summary: 'promote <b>my-redis</b> 0.1.0 to live',
  requested_by: 'token:tok_1',
  state: 'pending',
  quorum: 2,
  self_approval: false,
  decisions: [],
  task_token: 'SECRET',
  mailed_at: null,
  revision: 1,
  expires_at: at,
  created_at: at,
};
const operation: Operation = {
  account: 'acme',
  id: 'op_1',
  actions: ['module_promote_to_live'],
  changes: [
    {
      kind: 'version_promote',
      module: 'my-redis',
      version_id: 'ver_1',
      from: 'blessed',
      to: 'live',
      withdraw: false,
      replaces: null,
    },
  ],
  summary: approval.summary,
  state: 'awaiting_approval',
  requested_by: 'token:tok_1',
  approval_id: 'apr_1',
  attempt: 1,
  correlation_id: 'tests',
  code: null,
  message: null,
  revision: 1,
  created_at: at,
  updated_at: at,
};
const account = {
  slug: 'acme',
  name: 'Acme Inc.',
  director_key_id: 'SECRET',
  root_sha256: '',
  root_version: 1,
  revision: 1,
  created_at: at,
};
const reviewer = {
  account: 'acme',
  id: 'mbr_1',
  email: 'rita@example.com',
  name: 'Rita',
  roles: ['reviewer' as const],
  created_at: at,
};
const requester = 'otto@example.com';

it('the page says what is asked, by whom, of which account, until when, and what it changes', () => {
  const html = String(ApprovalPage({ approval, operation, account, reviewer, requester }));
  for (const fact of [
    'Acme Inc.',
    'otto@example.com',
    '2026-01-02 03:04 UTC',
    'my-redis',
    'ver_1',
    'Rita',
    '0 of 2',
  ]) {
    expect(html).toContain(fact);
  }

  expect(html).toMatch(/<form method="post">.*value="approve".*value="reject"/s);
  expect(html).not.toContain('SECRET');
});

it('escapes markup in foreign text', () => {
  const html = String(ApprovalPage({ approval, operation, account, reviewer, requester }));
  expect(html).not.toContain('<b>');
  expect(html).toContain('&lt;b&gt;');
});

it('runs no script and names its language', () => {
  const html = String(ApprovalPage({ approval, operation, account, reviewer, requester }));
  expect(html).not.toContain('<script');
  expect(html).toContain('<html lang="en">');
  expect(html).toContain('<label for="comment">');
});

it.each([
  ['approve', 'approved', 'now applies the change'],
  ['approve', 'pending', 'required approvals'],
  ['reject', 'rejected', 'Nothing changes'],
] as const)('the page after %s with state %s says "%s"', (decision, state, words) => {
  expect(String(DecidedPage({ approval: { ...approval, state }, decision }))).toContain(words);
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
