import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context, Handler } from 'hono';
import type { z } from 'zod';
import type { Services } from '../../shared/actions/context/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { problemSchema } from '../../shared/contract/http/index.ts';
import { roles } from '../../shared/domain/accounts/index.ts';
import { type Access, allow, authorOrOperator } from './access.ts';
import type { ApiEnv } from './env.ts';
import { runOnce } from './idempotency.ts';
import { isMergePatch, mergePatchType } from './merge-patch.ts';
import { operationIdOf } from './openapi/operation-id.ts';
import { problemType } from './problem.ts';
import { refuseUnknownQuery, requireJson } from './request-form.ts';
import { type AnyCall, type Route, takesKey } from './route.ts';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });

const security: Record<Access, Record<string, string[]>[]> = {
  [authorOrOperator]: [{ token: [] }],
  ...(Object.fromEntries(roles.map((role) => [role, [{ token: [] }]])) as Record<
    (typeof roles)[number],
    { token: [] }[]
  >),
  platform: [{ token: [] }],
  agent: [{ dpop: [] }],
  public: [],
};

/** The media types of a body, which all have one schema. */
function bodyOf(body: z.ZodType, { merges }: Pick<Route, 'merges'>) {
  return { ...json(body), ...(merges === true ? { [mergePatchType]: { schema: body } } : {}) };
}

/**
 * Registers a route with its documentation, access check, parsing, idempotency and response schema.
 */
export function register(app: OpenAPIHono<ApiEnv>, shape: Route): void {
  const status = shape.status ?? 200;
  const definition = createRoute({
    method: shape.method,
    path: `/api/v1${shape.path}`,
    tags: [shape.tag],
    summary: shape.summary,
    ...(shape.description === undefined ? {} : { description: shape.description }),
    operationId: operationIdOf(shape),
    security: security[shape.role],
    'x-gantry-role': shape.role,
    middleware: [
      allow(shape.role),
      refuseUnknownQuery(shape.query),
      ...(shape.body === undefined ? [] : [requireJson]),
    ],
    request: {
      ...(shape.params === undefined ? {} : { params: shape.params }),
      ...(shape.query === undefined ? {} : { query: shape.query }),
      ...(shape.body === undefined
        ? {}
        : { body: { required: true, content: bodyOf(shape.body, shape) } }),
    },
    responses: {
      [status]: {
        description: status === 202 ? 'Accepted. Poll the operation for its status.' : 'Success.',
        ...(shape.answer === undefined ? {} : { content: json(shape.answer) }),
      },
      default: { description: 'Error.', content: { [problemType]: { schema: problemSchema } } },
    },
  });

  const handler: Handler<ApiEnv> = async (c) => {
    const call: AnyCall = {
      services: c.var.services,
      get caller() {
        return requirePresent(c.var.caller);
      },
      get agent() {
        return requirePresent(c.var.agent);
      },
      get bearer() {
        return requirePresent(c.var.bearer);
      },
      body: shape.body && parsedPart(c, 'json'),
      query: shape.query && parsedPart(c, 'query'),
      params: shape.params && parsedPart(c, 'param'),
      merges: shape.merges === true && isMergePatch(c.req.header('content-type')),
      proof: () => readProof(c),
    };

    const answer = await respond(c, shape, call);
    c.header(
      'Cache-Control',
      shape.secret || shape.method !== 'get' ? 'no-store' : 'private, no-cache',
    );

    return status === 204 ? c.body(null, 204) : c.json(answer ?? null, status);
  };

  app.openapi(definition, handler);
}

/**
 * Returns a part of the request that zod-openapi has parsed. Its types only know routes that are
 * written as literals, so the part is unknown here. `route()` gives it the type of its schema.
 */
function parsedPart(c: Context<ApiEnv>, part: 'json' | 'query' | 'param'): unknown {
  const request: { valid(part: string): unknown } = c.req;
  return request.valid(part);
}

/** Runs a change by POST with an `Idempotency-Key` once, and every other request each time. */
async function respond(c: Context<ApiEnv>, shape: Route, call: AnyCall): Promise<unknown> {
  const present = (result: unknown) => {
    const answer = shape.view === undefined ? result : shape.view(result, call);
    return shape.answer === undefined ? null : shape.answer.parse(answer);
  };

  const key = c.req.header('idempotency-key');
  const { caller, bearer, services } = c.var;
  if (!takesKey(shape) || key === undefined || caller === undefined || bearer === undefined)
    return present(await shape.handle(call));

  const body = await c.req.text();
  const request = { key, account: caller.account, route: `POST ${c.req.path}`, body, bearer };
  const run = (services: Services) => shape.handle(withServices(call, services));
  const { answer, repeated } = await runOnce(services, request, { run, present });
  if (repeated) c.header('Idempotency-Replayed', 'true');

  return answer;
}

/** Keeps the getters of a call, which a copy of its values would run. */
function withServices(call: AnyCall, services: Services): AnyCall {
  return Object.create(call, { services: { value: services, enumerable: true } });
}

function readProof(c: Context<ApiEnv>) {
  const proof = c.req.header('dpop');
  if (proof === undefined)
    throw new GantryError('dpop_invalid', 'expected a DPoP header with a proof, found none');
  return { proof, htm: c.req.method, htu: `${c.var.services.settings.publicUrl}${c.req.path}` };
}

function requirePresent<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected an authenticated caller; the route is public');
  return value;
}
