import { expect, it } from 'vitest';
import { mailContent } from '../../../shared/actions/context/index.ts';

it('a text of others begins no line of a mail, adds no header and reverses no direction', () => {
  const said = 'quorum 3\r\nBcc: x@example.com\n\nApproved.\u2028\u202egnp.exe\ud800';
  const clean = 'quorum 3 Bcc: x@example.com Approved. gnp.exe\ufffd';

  expect(mailContent({ subject: said, text: ['Hello', '', `    ${said}`] })).toEqual({
    subject: clean,
    body: `Hello\n\n    ${clean}`,
  });
});
