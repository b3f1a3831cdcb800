import type { z } from 'zod';
import {
  type HeldRoot,
  proposeRoot,
  readRoot,
  readTrust,
  signRoot,
  type Trust,
  withdrawRoot,
} from '../../../../shared/actions/accounts/index.ts';
import {
  proposeRootBody,
  rootAnswer,
  rootParams,
  signRootBody,
  trustAnswer,
} from '../../../../shared/contract/accounts/index.ts';
import { describeRoot, rootSha256, standingOf } from '../../../../shared/director/index.ts';
import { type Route, route } from '../../route.ts';

export const trustRoutes: Route[] = [
  route({
    method: 'get',
    path: '/trust/root',
    role: 'viewer',
    tag: 'trust',
    summary: 'The account root, the roots before it, and the one that waits for signatures',
    answer: trustAnswer,
    async handle({ services, caller }) {
      return trustView(await readTrust(services, caller.account));
    },
  }),
  route({
    method: 'get',
    path: '/trust/roots/{version}',
    role: 'viewer',
    tag: 'trust',
    summary: 'A root of the chain, as agents get it',
    params: rootParams,
    answer: rootAnswer,
    async handle({ services, caller, params }) {
      return { root: rootView(await readRoot(services, caller.account, params.version)) };
    },
  }),
  route({
    method: 'post',
    path: '/trust/root/proposal',
    role: 'admin',
    tag: 'trust',
    summary: 'Propose the next root: keys, threshold, a new director key',
    description:
      'In force at once where the director key’s signatures suffice; else it waits for those of other keys.',
    status: 201,
    body: proposeRootBody,
    answer: trustAnswer,
    async handle({ services, caller, body }) {
      return trustView(await proposeRoot(services, caller, body));
    },
  }),
  route({
    method: 'post',
    path: '/trust/root/proposal/signatures',
    role: 'admin',
    tag: 'trust',
    summary:
      'Sign the proposed root with an offline key; the last signature that it needs puts it in force',
    body: signRootBody,
    answer: trustAnswer,
    async handle({ services, caller, body }) {
      return trustView(await signRoot(services, caller, body));
    },
  }),
  route({
    method: 'delete',
    path: '/trust/root/proposal',
    role: 'admin',
    tag: 'trust',
    summary: 'Take the proposed root back',
    status: 204,
    handle: ({ services, caller }) => withdrawRoot(services, caller),
  }),
];

function rootView({ root, bytes }: HeldRoot) {
  return {
    ...describeRoot(root),
    sha256: rootSha256(bytes),
    metadata: Buffer.from(bytes).toString('base64'),
  };
}

function trustView({ current, superseded, proposal }: Trust): z.input<typeof trustAnswer> {
  return {
    root: rootView(current),
    superseded,
    proposal:
      proposal === null
        ? null
        : {
            ...describeRoot(proposal.root),
            ...standingOf(proposal.root, current.root),
            metadata: Buffer.from(proposal.row.metadata).toString('base64'),
            proposed_by: proposal.row.proposed_by,
            proposed_at: proposal.row.proposed_at,
          },
  };
}
