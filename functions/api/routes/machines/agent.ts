import { z } from 'zod';
import {
  artifactUrls,
  enrollAgent,
  heartbeat,
  provenKey,
  reportInstance,
} from '../../../../shared/actions/machines/index.ts';
import {
  agentReport,
  artifactUrlsAnswer,
  artifactUrlsRequest,
  enrollAnswer,
  enrollBody,
  heartbeatAnswer,
  heartbeatRequest,
} from '../../../../shared/contract/machines/index.ts';
import { type Route, route } from '../../route.ts';

export const agentRoutes: Route[] = [
  route({
    method: 'post',
    path: '/agent/enroll',
    role: 'public',
    tag: 'agent',
    summary: 'Enrol a machine with its join token',
    description:
      'The secret of the join token authorises the call. A DPoP proof (RFC 9449) without ath binds the key of the agent.',
    status: 201,
    secret: true,
    body: enrollBody,
    answer: enrollAnswer,
    async handle({ services, body, proof }) {
      return enrollAgent(services, body, await provenKey(services, proof()));
    },
  }),
  route({
    method: 'post',
    path: '/agent/heartbeat',
    role: 'agent',
    tag: 'agent',
    summary: 'Get the URL of the desired state, valid for about an hour',
    secret: true,
    body: heartbeatRequest,
    answer: heartbeatAnswer,
    handle: ({ services, agent, body }) => heartbeat(services, agent, body),
  }),
  route({
    method: 'post',
    path: '/agent/artifacts',
    role: 'agent',
    tag: 'agent',
    summary: 'Get the URLs of the content that the desired state names',
    secret: true,
    body: artifactUrlsRequest,
    answer: artifactUrlsAnswer,
    handle: ({ services, agent, body }) => artifactUrls(services, agent, body.digests),
  }),
  route({
    method: 'post',
    path: '/agent/report',
    role: 'agent',
    tag: 'agent',
    summary: 'Report what the machine runs',
    body: agentReport,
    answer: z.object({ accepted: z.literal(true) }),
    async handle({ services, agent, body }) {
      await reportInstance(services, agent, body);
      return { accepted: true as const };
    },
  }),
];
