import { GantryError } from '../shared/base/error.ts';
import { type ErrorCode, errorStatus } from '../shared/base/error-codes.ts';
import { limits } from '../shared/base/limits/index.ts';

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /**
   * The body, chunk by chunk. A stream that stands still for `limits.agentStallMs`, or that has not brought
   * `limits.agentBytesPerSecondMin` a second after that time, fails with `unavailable`.
   */
  body: AsyncIterable<Uint8Array>;
}

/**
 * One request, redirects refused: a proof or a presigned URL is for one address. The address in errors has no query,
 * since a presigned query is a capability.
 */
export async function request(url: string, init: RequestInit = {}): Promise<HttpAnswer> {
  const start = performance.now();
  const abort = new AbortController();
  const stall = setTimeout(
    () => abort.abort(new Error(`nothing came for ${limits.agentStallMs / 1000} s`)),
    limits.agentStallMs,
  );
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: abort.signal });
    stall.refresh();
    return {
      status: response.status,
      headers: response.headers,
      body: watched(url, response, stall, start),
    };
  } catch (cause) {
    clearTimeout(stall);
    throw unreachable(url, cause);
  }
}

async function* watched(
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
    throw unreachable(url, cause);
  } finally {
    clearTimeout(stall);
  }
}

/** Else a drop now and then would hold an agent for ever, which would not even say that its desired state expired. */
function requirePace(bytes: number, ms: number): void {
  if (ms < limits.agentStallMs || bytes / (ms / 1000) >= limits.agentBytesPerSecondMin) return;
  throw new Error(`${bytes} bytes came in ${Math.round(ms / 1000)} s`);
}

/** Reads a body whole; more than `max` bytes fail with `unavailable`. */
export async function bytesOf(answer: HttpAnswer, max: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > max)
      throw new GantryError('unavailable', `${what} has more than ${max} bytes.`, {
        expected: max,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Ends an answer whose body nobody reads, so that its connection is not held. */
export async function discard(answer: HttpAnswer): Promise<void> {
  for await (const _ of answer.body) break;
}

/** The error that the control plane answered with (RFC 9457), or `unavailable`. */
export async function problemOf(answer: HttpAnswer, what: string): Promise<GantryError> {
  const text = (await bytesOf(answer, limits.agentAnswerBytesMax, what)).toString();
  let problem: { code?: unknown; detail?: unknown; title?: unknown } = {};
  try {
    problem = JSON.parse(text) ?? {};
  } catch {
    // Not Gantry's own answer: a proxy or a gateway speaks.
  }
  const sentence =
    [problem.detail, problem.title].find((part) => typeof part === 'string') ?? text.slice(0, 200);
  const code =
    typeof problem.code === 'string' && problem.code in errorStatus
      ? (problem.code as ErrorCode)
      : 'unavailable';
  return new GantryError(code, `${what} was answered with ${answer.status}: ${sentence}`, {
    found: answer.status,
  });
}

function unreachable(url: string, cause: unknown): GantryError {
  const { origin, pathname } = new URL(url);
  const inner = (cause as { cause?: unknown }).cause ?? cause;
  return new GantryError(
    'unavailable',
    `${origin}${pathname} could not be read: ${(inner as Error).message}.`,
    {
      cause,
    },
  );
}
