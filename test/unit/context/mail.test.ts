import { expect, it } from 'vitest';
import { mailContent } from '../../../shared/actions/context/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';

it('a text of others begins no line of a mail, adds no header and reverses no direction', () => {
  const said = 'quorum 3\r\nBcc: x@example.com\n\nApproved.\u2028\u202egnp.exe\ud800';
  const clean = 'quorum 3 Bcc: x@example.com Approved. gnp.exe\ufffd';

  expect(mailContent({ subject: said, text: ['Hello', '', `    ${said}`] })).toEqual({
    subject: clean,
    body: `Hello\n\n    ${clean}`,
  });
});

it('the subject of a mail is cut, and stays Unicode text', () => {
  const { subject } = mailContent({ subject: '💥'.repeat(limits.mailSubjectMax), text: [] });
  expect(subject).toHaveLength(limits.mailSubjectMax);
  expect(subject).toMatch(/…$/);
  expect(subject.isWellFormed()).toBe(true);
});
