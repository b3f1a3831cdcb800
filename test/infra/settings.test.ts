import { expect, test } from 'vitest';
import { parseSettings } from '../../infra/settings.ts';

const flag = (setting: string) =>
  `--${setting.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`)}`;

test.each([
  [{ senderAddress: 'a@b.c' }, '--sender-address: expected an e-mail address, found another text'],
  [{}, '--sender-address: expected text, found nothing'],
  [
    { senderAddress: 'a@example.com', domainName: 'g.example.com' },
    'expected both --domain-name and --certificate-arn, or neither',
  ],
  [
    { senderAddress: 'a@example.com', ecrRepositories: 'x' },
    '--ecr-repositories: expected arn:aws:ecr:<region>:<account>:repository/<name>, …',
  ],
])('%j is refused in the words of the command line', (settings, sentence) => {
  expect(() => parseSettings(settings, flag)).toThrow(sentence);
});
