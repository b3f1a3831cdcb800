import { handle } from 'hono/aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { createApp } from './app.ts';

const services = servicesFromEnvironment(
  'PUBLIC_URL',
  'LINK_KEY_ID',
  'STATE_MACHINE_ARN',
  'POLL_QUEUE_URL',
  'VERIFY_QUEUE_URL',
  'COMPOSE_QUEUE_URL',
  'RECONCILE_QUEUE_URL',
);

/** API Gateway's HTTP API event in, the app's answer out. */
export const handler = handle(createApp(services));
