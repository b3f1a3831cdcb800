import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context, Handler } from 'hono';
import type { z } from 'zod';
import type { Services } from '../../shared/actions/context/index.ts';
import type { AgentCaller } from '../../shared/actions/machines/index.ts';
import { GantryError } from '../../shared/base/error.ts';
import { problemSchema } from '../../shared/contract/http/index.ts';
import type { Caller } from '../../shared/domain/accounts/index.ts';
import { roles } from '../../shared/domain/accounts/index.ts';
import { type Access, allow, authorOrOperator } from './access.ts';
import type { ApiEnv } from './env.ts';
import { runOnce } from './idempotency.ts';
import { problemType } from './problem.ts';

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** One authenticated and parsed request. */
export interface Call<Body, Query, Params> {
  services: Services;
  /** Absent only on public routes, where reading it throws. */
  readonly caller: Caller;
  readonly agent: AgentCaller;
  /** The token as sent. Absent on public routes and those of agents, where reading it throws. */
  readonly bearer: string;
  body: Parsed<Body>;
  query: Parsed<Query>;
  params: Parsed<Params>;
  /** The request as a DPoP proof names it. */
  proof: () => { proof: string; htm: string; htu: string };
}

interface RouteBase {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below `/api/v1`, parameters as `{id}`. */
  path: string;
  role: Access;
  /** The group of the route in the documentation. */
  tag: string;
  summary: string;
  description?: string;
  status?: 200 | 201 | 202 | 204;
  /** The schema of the response, which also removes internal fields; none with 204. */
  answer?: z.ZodType;
  body?: z.ZodType | undefined;
  query?: z.ZodObject | undefined;
  params?: z.ZodObject | undefined;
  /** True if the response contains a secret, which no cache may store. */
  secret?: boolean;
  /** True for a POST that changes nothing, such as a preview. It needs no `Idempotency-Key`. */
  reads?: boolean;
}

type AnyCall = Call<z.ZodType, z.ZodType, z.ZodType>;

export interface Route extends RouteBase {
  handle(call: AnyCall): Promise<unknown>;
  /** The response of a create, made of its result; elsewhere `handle` returns the response. */
  view?(result: unknown, call: AnyCall): unknown;
}

interface RouteShape<
  Body extends z.ZodType | undefined,
  Query extends z.ZodObject | undefined,
  Params extends z.ZodObject | undefined,
  Answer extends z.ZodType | undefined,
> extends Omit<RouteBase, 'body' | 'query' | 'params' | 'answer'> {
  body?: Body;
  query?: Query;
  params?: Params;
  answer?: Answer;
  handle(
    call: Call<Body, Query, Params>,
  ): Promise<Answer extends z.ZodType ? z.input<Answer> : void>;
}

interface CreateShape<
  Body extends z.ZodType | undefined,
  Query extends z.ZodObject | undefined,
  Params extends z.ZodObject | undefined,
  Answer extends z.ZodType,
  Result,
> extends Omit<RouteShape<Body, Query, Params, Answer>, 'method' | 'handle'> {
  answer: Answer;
  /** Ends in `commit` of an action, with this result. */
  handle(call: Call<Body, Query, Params>): Promise<Result>;
  view(result: Result, call: Call<Body, Query, Params>): z.input<Answer>;
}

const accesses: readonly string[] = [...roles, authorOrOperator, 'platform', 'agent', 'public'];

/**
 * Declares a route. A route without a role throws, so that a forgotten role cannot make a route
 * public.
 */
export function route<
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Params extends z.ZodObject | undefined = undefined,
  Answer extends z.ZodType | undefined = undefined,
>(shape: RouteShape<Body, Query, Params, Answer>): Route {
  requireAccess(shape);
  return shape as Route;
}

/**
 * Declares a POST that creates something. Its result is kept in the transaction of the create, for
 * a request that is repeated with its `Idempotency-Key`.
 */
export function create<
  Result,
  Answer extends z.ZodType,
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Params extends z.ZodObject | undefined = undefined,
>(shape: CreateShape<Body, Query, Params, Answer, Result>): Route {
  const made = { ...shape, method: 'post' } as const;
  requireAccess(made);
  return made as Route;
}

function requireAccess({ method, path, role }: Pick<Route, 'method' | 'path' | 'role'>): void {
  if (accesses.includes(role)) return;
  throw new Error(`${method} ${path}: expected a role (${accesses.join(', ')}), found ${role}`);
}

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
    middleware: [allow(shape.role)],
    request: {
      ...(shape.params === undefined ? {} : { params: shape.params }),
      ...(shape.query === undefined ? {} : { query: shape.query }),
      ...(shape.body === undefined ? {} : { body: { required: true, content: json(shape.body) } }),
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
    const call: Call<z.ZodType, z.ZodType, z.ZodType> = {
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
  const keyed = shape.method === 'post' && shape.reads !== true;
  if (!keyed || key === undefined || caller === undefined || bearer === undefined)
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

/** `get /modules/{name}/versions` → `get_modules_name_versions`. */
function operationIdOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method}${path.replaceAll(/[/{}-]+/g, '_').replace(/_$/, '')}`;
}
