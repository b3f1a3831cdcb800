import { expect, it } from 'vitest';
import { openApprovalLink } from '../../../shared/actions/operations/index.ts';
import { idleServices } from '../functions/api/services.ts';

const id = 'apr_01JGZ0000000000000000000AA';
const mac = Buffer.alloc(32, 7).toString('base64url');
const claims = { account: 'acme', approval: id, member: 'mem_1', exp: 4_000_000_000 };
const payload = (said: unknown) => Buffer.from(JSON.stringify(said)).toString('base64url');

it.each([
  ['no claims', `x.${mac}`],
  ['claims that are not JSON', `${Buffer.from('{').toString('base64url')}.${mac}`],
  ['other claims', `${payload({ ...claims, more: 1 })}.${mac}`],
  ['the claims of another request', `${payload({ ...claims, approval: 'apr_2' })}.${mac}`],
  ['a shorter MAC', `${payload(claims)}.${mac.slice(0, -4)}`],
])('a link with %s is refused without a call of KMS', async (_what, token) => {
  // These services reach nothing, so a call would fail in another way.
  await expect(openApprovalLink(idleServices(), id, token)).rejects.toMatchObject({
    code: 'approval_link_invalid',
  });
});
