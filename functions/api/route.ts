import type { z } from 'zod';
import type { Services } from '../../shared/actions/context/index.ts';
import type { AgentCaller } from '../../shared/actions/machines/index.ts';
import type { Caller } from '../../shared/domain/accounts/index.ts';
import { roles } from '../../shared/domain/accounts/index.ts';
import { type Access, authorOrOperator } from './access.ts';

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
  /** Whether the body is a merge patch, which only a route with `merges` takes. */
  merges: boolean;
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
  /** True if the body may also be a merge patch: application/merge-patch+json. */
  merges?: boolean;
  /** True for a POST that changes nothing, such as a preview. It needs no `Idempotency-Key`. */
  reads?: boolean;
}

/** A call of any route. */
export type AnyCall = Call<z.ZodType, z.ZodType, z.ZodType>;

export interface Route extends RouteBase {
  handle(call: AnyCall): Promise<unknown>;
  /** The response of a create, made of its result; elsewhere `handle` returns the response. */
  view?(result: unknown, call: AnyCall): unknown;
}

/**
 * Whether a request with an `Idempotency-Key` runs once: a change by POST, of a caller with a
 * token.
 */
export function takesKey({ method, reads, role }: Pick<Route, 'method' | 'reads' | 'role'>) {
  return method === 'post' && reads !== true && role !== 'agent' && role !== 'public';
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
