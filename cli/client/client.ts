import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import {
  findCertificateFailure,
  trustAuthorityCure,
} from '../../shared/base/certificate-failure.ts';
import { GantryError } from '../../shared/base/error.ts';
import { isErrorCode } from '../../shared/base/error-codes.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { readBounded } from '../../shared/base/read-bounded.ts';
import { problemSchema } from '../../shared/contract/http/index.ts';
import type { Connection } from './config.ts';

export interface Request {
  body?: unknown;
  /** The media type of the body. */
  type?: string;
  query?: Record<string, string | undefined>;
}

/** The HTTP API below `/api/v1`. Every response is parsed by its schema. */
export interface Client {
  get<A extends z.ZodType>(schema: A, path: string, query?: Request['query']): Promise<z.output<A>>;
  send<A extends z.ZodType>(
    schema: A,
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<z.output<A>>;
  /** As `send`, with a JSON merge patch (RFC 7386) as the body. */
  merge<A extends z.ZodType>(
    schema: A,
    method: 'POST' | 'PATCH',
    path: string,
    body: unknown,
  ): Promise<z.output<A>>;
  /** Every page of a list. */
  all<N extends string, I>(
    schema: z.ZodType<Page<N, I>>,
    noun: N,
    path: string,
    query?: Request['query'],
  ): Promise<I[]>;
}

type Page<N extends string, I> = { [K in N]: I[] } & { next_cursor: string | null };

/**
 * Returns a client of one control plane. A problem document becomes a GantryError. Reads and
 * creates are retried; a create keeps its `Idempotency-Key`, so that it happens once.
 */
export function makeClient(connection: Connection): Client {
  const request = async <A extends z.ZodType>(
    schema: A,
    method: string,
    path: string,
    given: Request = {},
  ) => {
    const response = await sendRequest(connection, method, path, given);
    const body = await readJson(response, connection.url);
    if (!response.ok) throw toGantryError(response.status, body, connection.url);

    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;

    throw new GantryError(
      'internal',
      `expected a response to ${method} ${path} that this version of gantry understands, found another; update gantry`,
      {
        cause: parsed.error,
      },
    );
  };
  return {
    get: (schema, path, query) =>
      request(schema, 'GET', path, query === undefined ? {} : { query }),
    send: (schema, method, path, body) =>
      request(schema, method, path, body === undefined ? {} : { body }),
    merge: (schema, method, path, body) =>
      request(schema, method, path, { body, type: 'application/merge-patch+json' }),
    async all(schema, noun, path, query = {}) {
      const items = [];
      let cursor: string | undefined;
      do {
        const page = await request(schema, 'GET', path, {
          query: { ...query, limit: '1000', cursor },
        });
        items.push(...page[noun]);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);

      return items;
    },
  };
}

/** None before there is a token: an invitation is followed without one. */
function authorizationOf({ token }: Connection): Record<string, string> {
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

async function sendRequest(
  connection: Connection,
  method: string,
  path: string,
  { body, type = 'application/json', query }: Request,
): Promise<Response> {
  const url = urlOf(connection, path, query);
  const headers = {
    ...authorizationOf(connection),
    accept: 'application/json, application/problem+json',
    ...(body === undefined ? {} : { 'content-type': type }),
    ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
  };

  const repeatable = method === 'GET' || method === 'POST';
  for (let attempt = 1; ; attempt++) {
    const last = !repeatable || attempt === limits.clientAttemptsMax;
    try {
      const response = await fetch(url, {
        method,
        headers,
        // A redirect would send the token to another address.
        redirect: 'error',
        signal: AbortSignal.timeout(limits.clientTimeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (last || ![429, 502, 503, 504].includes(response.status)) return response;
    } catch (error) {
      if (last) throw unavailableError(connection.url, error);
    }

    await sleep(300 * 3 ** (attempt - 1));
  }
}

/** Reads the JSON of a response; undefined for a body that is empty or something else. */
async function readJson(response: Response, url: string): Promise<unknown> {
  const max = limits.clientResponseBytesMax;
  const tooLarge = (found: number) =>
    new GantryError(
      'unavailable',
      `expected at most ${max} bytes from ${url}, found more; check that no proxy responds in its place`,
      { expected: max, found },
    );

  try {
    const bytes = await readBounded(response.body ?? [], max, tooLarge);
    return JSON.parse(bytes.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error instanceof GantryError ? error : unavailableError(url, error);
  }
}

function urlOf(connection: Connection, path: string, query: Request['query'] = {}): URL {
  const url = new URL(`${connection.url}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

function unavailableError(url: string, error: unknown): GantryError {
  const { message, cause } = error as Error & { cause?: Error };
  const cure = findCertificateFailure(error) === 'authority' ? `; ${trustAuthorityCure}` : '';
  return new GantryError(
    'unavailable',
    `expected a response from ${url}, found none: ${cause?.message || message}${cure}`,
    {
      cause: error,
    },
  );
}

/** Returns the error that a problem document describes. */
function toGantryError(status: number, body: unknown, url: string): GantryError {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    if (status === 429)
      return new GantryError('unavailable', `expected ${url} to take the request, found too many`);

    const code = status >= 500 ? 'unavailable' : 'internal';
    return new GantryError(
      code,
      `expected Gantry at ${url}, found a response ${status} of another server`,
    );
  }

  const { code, detail, field, expected, found, details, request_id } = parsed.data;
  const known = isErrorCode(code) ? code : 'internal';

  return new GantryError(
    known,
    known === 'internal' ? `${detail} (request ${request_id})` : detail,
    {
      ...(field === undefined ? {} : { field }),
      expected,
      found,
      details,
    },
  );
}
