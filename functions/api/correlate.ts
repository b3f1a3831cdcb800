import { createMiddleware } from 'hono/factory';
import { isCorrelationId, newCorrelationId, withLogKeys } from '../../shared/base/log-context.ts';
import type { ApiEnv } from './env.ts';

const header = 'X-Correlation-Id';

/**
 * Gives a request its correlation id: the caller's, if it is valid, else the request's own id. Log
 * lines, events, messages and operations that follow from the request carry it.
 */
export const correlate = createMiddleware<ApiEnv>(async (c, next) => {
  const request_id = c.var.requestId;
  const correlation_id =
    [c.req.header(header), request_id].find(isCorrelationId) ?? newCorrelationId();
  c.header(header, correlation_id);
  await withLogKeys({ correlation_id, request_id }, next);
});
