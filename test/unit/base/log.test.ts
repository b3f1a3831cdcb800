import { expect, it } from 'vitest';
import { redact, redactText } from '../../../shared/base/log.ts';

const logged = (value: unknown) => JSON.stringify(value, redact);

it.each([
  'Authorization',
  'dpop',
  'token',
  'task_token',
  'taskToken',
  'join_token',
  'secret',
  'desired_state_url',
])('what stands under %s is left out', (key) => {
  expect(logged({ a: { [key]: 'hunter2' } })).not.toContain('hunter2');
});

it.each([
  ['an API token', `found gantry_${'a'.repeat(43)} there`],
  ['a bearer credential', `Authorization: Bearer ${'a'.repeat(43)}`],
  ['a presigned URL', `https://b.s3/k?X-Amz-Date=1&X-Amz-Signature=${'a'.repeat(43)}&x=1`],
  ['an approval link', `https://gantry.example/approve/apr_1/${'a'.repeat(43)}`],
])('%s inside a sentence is left out', (_, text) => {
  expect(redactText(text)).not.toContain('aaaa');
  expect(redactText(text)).toContain('[redacted]');
});

it('ordinary text stays as it is', () => {
  const text = 'promoted my-redis 0.1.0 of sha256:0123 to live';
  expect(logged({ message: text })).toBe(JSON.stringify({ message: text }));
});
