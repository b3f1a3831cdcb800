import { createMiddleware } from 'hono/factory';
import { isCorrelationId, newCorrelationId, withLogKeys } from '../../shared/base/log-context.ts';
import type { ApiEnv } from './env.ts';

const header = 'X-Correlation-Id';

/**
 * Gives a request its correlation id: the caller's, where it is one, else the request's own id.
 * Everything that follows from the request carries it: log lines, events, messages, operations.
 */
export const correlate = createMiddleware<ApiEnv>(async (c, next) => {
  const request_id = c.var.requestId;
  const correlation_id =
    [c.req.header(header), request_id].find(isCorrelationId) ?? newCorrelationId();
  c.header(header, correlation_id);
  await withLogKeys({ correlation_id, request_id }, next);
});
