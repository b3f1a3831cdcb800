import type { Context } from 'aws-lambda';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { traceWork } from '../../shared/aws/tracing.ts';
import { createApp } from './app.ts';

const answer = handle(createApp(servicesFromEnvironment('api')));

/** Converts an event of API Gateway's HTTP API to a request, and returns the app's response. */
export async function handler(event: LambdaEvent, context: Context) {
  return traceWork('Api', {}, async () => answer(event, context));
}
