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
import { checkSignatures, describeRoot, rootSha256 } from '../../../../shared/director/index.ts';
import { type Route, route } from '../../route.ts';

export const trustRoutes: Route[] = [
  route({
    method: 'get',
    path: '/trust/root',
    role: 'viewer',
    tag: 'trust',
    summary: 'Get the account root, its predecessors and the proposed root',
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
    summary: 'Get one root of the root chain, as agents receive it',
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
    summary: 'Propose the next root: keys, threshold or a new director key',
    description:
      'The root takes effect immediately if the signature of the director key is enough. Otherwise it awaits the signatures of other keys.',
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
      'Sign the proposed root with an offline key; the last required signature puts it in force',
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
    summary: 'Withdraw the proposed root',
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
            ...checkSignatures(proposal.root, current.root),
            metadata: Buffer.from(proposal.row.metadata).toString('base64'),
            proposed_by: proposal.row.proposed_by,
            proposed_at: proposal.row.proposed_at,
          },
  };
}
