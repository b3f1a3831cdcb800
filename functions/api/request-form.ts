import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { redactText } from '../../shared/base/log.ts';
import { listNearest } from '../../shared/base/nearest.ts';
import type { ApiEnv } from './env.ts';
import type { Route } from './route.ts';

const json = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Whether a media type is JSON. It is the same in any case (RFC 9110, section 8.3.1). */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && json.test(contentType.trim());
}

/** Refuses a body that is not declared as JSON (RFC 9110, section 15.5.16). */
export const requireJson = createMiddleware<ApiEnv>(async (c, next) => {
  const found = c.req.header('content-type');
  if (isJson(found)) return next();
  throw new GantryError(
    'content_type_unsupported',
    `expected Content-Type: application/json, found ${found === undefined ? 'none' : redactText(found)}`,
    { field: 'Content-Type', expected: 'application/json' },
  );
});

/**
 * Refuses query parameters that a route does not have: ignoring a misspelled filter would return
 * all rows.
 */
export function refuseUnknownQuery(query: z.ZodObject | undefined) {
  const known = Object.keys(query?.shape ?? {});
  return createMiddleware<ApiEnv>(async (c, next) => {
    const unknown = Object.keys(c.req.query()).find((name) => !known.includes(name));
    if (unknown === undefined) return next();
    throw new GantryError(
      'invalid_request',
      `the query is invalid: expected a parameter of this route, found ${JSON.stringify(unknown.slice(0, 100))}; it has ${listNearest(unknown, known)}`,
      { field: unknown.slice(0, 100) },
    );
  });
}

/** Returns the error of a request that no route takes. It names the methods of a known path. */
export function noRouteError(c: Context<ApiEnv>, routes: readonly Route[]): GantryError {
  const path = redactText(c.req.path);
  const allowed = methodsAt(c.req.path, routes);
  if (allowed.length === 0)
    return new GantryError(
      'not_found',
      `expected a route of this API, found ${c.req.method} ${path}`,
    );

  // RFC 9110, section 15.5.6: the response names the methods.
  c.header('Allow', allowed.join(', '));
  return new GantryError(
    'method_not_allowed',
    `expected ${allowed.join(' or ')} of ${path}, found ${c.req.method}`,
    { expected: allowed, found: c.req.method },
  );
}

/** Returns the methods of the routes that a path matches. */
export function methodsAt(path: string, routes: readonly Route[]): string[] {
  const parts = path.split('/');
  const found = routes.filter((route) => {
    const pattern = `/api/v1${route.path}`.split('/');
    return (
      pattern.length === parts.length &&
      pattern.every((part, at) => (part.startsWith('{') ? parts[at] !== '' : part === parts[at]))
    );
  });

  const methods = found.map(({ method }) => method.toUpperCase());
  return methods.includes('GET') ? ['HEAD', ...methods].sort() : methods.sort();
}
