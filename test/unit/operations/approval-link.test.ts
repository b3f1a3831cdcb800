import { expect, it } from 'vitest';
import { openApprovalLink } from '../../../shared/actions/operations/index.ts';
import { createApproval } from '../../../shared/store/operations/index.ts';
import { approvalOf } from '../../support/approval.ts';
import { tableThat } from '../../support/stub-table.ts';
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
  ['an account that cannot be', `${payload({ ...claims, account: 'acme#x' })}.${mac}`],
  ['a shorter MAC', `${payload(claims)}.${mac.slice(0, -4)}`],
])('a link with %s is refused without a call of KMS', async (_what, token) => {
  // These services reach nothing, so a call would fail in another way.
  await expect(openApprovalLink(idleServices(), id, token)).rejects.toMatchObject({
    code: 'approval_link_invalid',
  });
});

/** Services whose table has this item, and whose KMS counts its calls and verifies nothing. */
function servicesWith(item: object | undefined) {
  const services = idleServices();
  let calls = 0;
  services.aws.kms.middlewareStack.add(
    () => async () => {
      calls += 1;
      return { response: {}, output: { $metadata: {}, MacValid: false } };
    },
    { step: 'initialize', priority: 'high' },
  );
  const { db } = tableThat(() => (item === undefined ? {} : { Item: item }));
  return { services: { ...services, db }, calls: () => calls };
}

it.each([
  ['no such request', undefined, claims.exp, 0],
  ['a request that expires at another time', approvalItem(), claims.exp + 1, 0],
  ['a request that is there', approvalItem(), claims.exp, 1],
])('a forged link to %s calls KMS only where it could be ours', async (_, item, exp, calls) => {
  const made = servicesWith(item);
  const token = `${payload({ ...claims, exp })}.${mac}`;

  await expect(openApprovalLink(made.services, id, token)).rejects.toMatchObject({
    code: 'approval_link_invalid',
  });
  expect(made.calls()).toBe(calls);
});

/** The item of a pending request, as the store writes it. */
function approvalItem(): object {
  const expires_at = new Date(claims.exp * 1000).toISOString();
  const { revision: _, ...pending } = approvalOf({ id, expires_at });
  const { item } = createApproval(pending);
  return item.Put?.Item ?? {};
}
