import { z } from 'zod';
import {
  findCertificateFailure,
  trustAuthorityCure,
} from '../../shared/base/certificate-failure.ts';
import { GantryError } from '../../shared/base/error.ts';
import { isErrorCode } from '../../shared/base/error-codes.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { readBounded } from '../../shared/base/read-bounded.ts';

export interface HttpResponse {
  status: number;
  headers: Headers;
  /**
   * The body, chunk by chunk. It fails with `unavailable` when nothing arrives for
   * `limits.agentStallMs`, or when after that time the average is below
   * `limits.agentBytesPerSecondMin`.
   */
  body: AsyncIterable<Uint8Array>;
}

/**
 * The fields that the agent reads of a problem document (RFC 9457). Proxies and gateways send other
 * bodies, or none.
 */
const problem = z.object({
  code: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  title: z.string().optional().catch(undefined),
});

/**
 * Sends one request. It follows no redirect, because a proof or a presigned URL is for one address.
 * Errors show the address without its query, because a presigned query is a capability.
 *
 * @throws `unavailable` when there is no response.
 */
export async function request(url: string, init: RequestInit = {}): Promise<HttpResponse> {
  const start = performance.now();
  const abort = new AbortController();
  const stall = setTimeout(
    () => abort.abort(new Error(`nothing arrived for ${limits.agentStallMs / 1000} s`)),
    limits.agentStallMs,
  );

  try {
    const signals = [abort.signal, init.signal ?? []].flat();
    const signal = AbortSignal.any(signals);
    const response = await fetch(url, { ...init, redirect: 'error', signal });
    stall.refresh();

    return {
      status: response.status,
      headers: response.headers,
      body: readWithDeadline(url, response, stall, start),
    };
  } catch (cause) {
    clearTimeout(stall);
    throw unreachableError(url, cause);
  }
}

async function* readWithDeadline(
  url: string,
  response: Response,
  stall: NodeJS.Timeout,
  start: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;

  try {
    for await (const chunk of response.body ?? []) {
      stall.refresh();
      size += chunk.length;
      requirePace(size, performance.now() - start);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    throw unreachableError(url, cause);
  } finally {
    clearTimeout(stall);
  }
}

/** A trickle must not stall the agent past the expiry of its desired state. */
function requirePace(bytes: number, ms: number): void {
  if (ms < limits.agentStallMs || bytes / (ms / 1000) >= limits.agentBytesPerSecondMin) return;

  throw new Error(`only ${bytes} bytes arrived in ${Math.round(ms / 1000)} s`);
}

/**
 * Reads a whole body.
 *
 * @param what The subject of the error, e.g. "The desired state".
 * @throws `unavailable` when it has more than `max` bytes.
 */
export async function readBody(response: HttpResponse, max: number, what: string): Promise<Buffer> {
  return readBounded(
    response.body,
    max,
    () =>
      new GantryError(
        'unavailable',
        `${what} is too large: expected at most ${max} bytes, found more.`,
        { expected: max },
      ),
  );
}

/** Drops a body that is not needed, so that its connection is free again. */
export async function discardBody(response: HttpResponse): Promise<void> {
  for await (const _ of response.body) break;
}

/**
 * The error that the control plane responded with (RFC 9457); `unavailable` for any other response.
 */
export async function readProblem(response: HttpResponse, what: string): Promise<GantryError> {
  const text = (await readBody(response, limits.agentAnswerBytesMax, what)).toString();
  const { code, detail, title } = parseProblem(text);

  const message = `${what} failed with status ${response.status}: ${detail ?? title ?? text.slice(0, 200)}`;
  return new GantryError(isErrorCode(code) ? code : 'unavailable', message, {
    found: response.status,
  });
}

function parseProblem(text: string): z.infer<typeof problem> {
  try {
    return problem.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

function unreachableError(url: string, cause: unknown): GantryError {
  const { origin, pathname } = new URL(url);
  // fetch hides the reason behind "fetch failed".
  const inner = (cause as { cause?: unknown }).cause ?? cause;
  const cure = findCertificateFailure(cause) === 'authority' ? `; ${trustAuthorityCure}` : '';

  return new GantryError(
    'unavailable',
    `${origin}${pathname} could not be read: ${(inner as Error).message}${cure}.`,
    { cause },
  );
}
