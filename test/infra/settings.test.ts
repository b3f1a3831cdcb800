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
  [
    { senderAddress: 'a@example.com', subnetIds: 'subnet-1', securityGroupIds: 'sg-01234567' },
    '--subnet-ids: expected subnet-0123456789abcdef0, …',
  ],
  [
    { senderAddress: 'a@example.com', subnetIds: 'subnet-01234567' },
    'expected both --subnet-ids and --security-group-ids, or neither',
  ],
])('%j is refused in the words of the command line', (settings, sentence) => {
  expect(() => parseSettings(settings, flag)).toThrow(sentence);
});
