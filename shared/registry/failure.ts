import { GantryError } from '../base/error.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { contentType, discard, type HttpResponse, header } from './transport.ts';

/**
 * Refuses a web page with status 200: registries behind a single sign-on redirect what they refuse
 * to a login.
 * @throws GantryError `registry_unauthorized`
 */
export async function requireDocument(answer: HttpResponse, what: string): Promise<void> {
  if (!['text/html', 'application/xhtml+xml'].includes(contentType(answer))) return;

  const { host } = answer.url;
  await discard(answer);
  throw new GantryError(
    'registry_unauthorized',
    `${host} returned a web page for ${what}, as a login does`,
    { found: 'text/html', details: { host, status: answer.status } },
  );
}

/** Drops the body of an unexpected response and returns the registry error for it. */
export async function readError(answer: HttpResponse, what: string): Promise<GantryError> {
  const retryAfter = parseRetryAfter(header(answer, 'retry-after'), Date.now());
  await discard(answer);
  const how = answer.anonymous && answer.status === 401 ? `${what} without credentials` : what;
  return statusError(answer.status, answer.url.host, how, retryAfter);
}

/**
 * The error for an HTTP status of a registry.
 * @param what what was requested, e.g. `the tags of team/module`
 */
export function statusError(
  status: number,
  host: string,
  what: string,
  retryAfter: number | null = null,
): GantryError {
  const details = { host, status, ...(retryAfter === null ? {} : { retry_after_s: retryAfter }) };
  const context = { found: status, details };
  if (status === 404)
    return new GantryError('registry_not_found', `${host} does not have ${what}`, context);

  if (status === 401 || status === 403) {
    return new GantryError(
      'registry_unauthorized',
      `${host} refused access to ${what} (${status})`,
      context,
    );
  }

  if (status === 429) {
    const when = retryAfter === null ? '' : `; it asks to wait ${retryAfter} s`;
    return new GantryError(
      'registry_rate_limited',
      `${host} limits the rate of requests (429)${when}`,
      context,
    );
  }

  // 408 and 425 ask for another attempt: they say nothing about the data.
  if (status >= 500 || status === 408 || status === 425)
    return new GantryError('registry_error', `${host} failed on ${what} (${status})`, context);
  return new GantryError(
    'registry_response_invalid',
    `${host} returned ${status} for ${what}`,
    context,
  );
}

/**
 * Parses the seconds to wait from a `Retry-After` header, in seconds or as a date (RFC 9110,
 * §10.2.3).
 * @returns null when the header is missing or unreadable
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  if (/^[0-9]{1,9}$/.test(value.trim())) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - nowMs) / 1000));
}

/**
 * True for failures of the registry or the connection, which say nothing about the requested data.
 */
export function isOutage(error: unknown): boolean {
  return error instanceof GantryError && isOutageCode(error.code);
}

/** See {@link isOutage}. */
export function isOutageCode(code: ErrorCode): boolean {
  return outages.has(code);
}

const outages: ReadonlySet<ErrorCode> = new Set([
  'registry_unreachable',
  'registry_timeout',
  'registry_unauthorized',
  'registry_rate_limited',
  'registry_error',
  'address_refused',
]);

/**
 * True for a response that concerns only the requested tag, page or manifest: the registry may give
 * others. A connection, a token or a rate concerns all of them.
 */
export function concernsOne(error: unknown): error is GantryError {
  if (!(error instanceof GantryError) || error.code === 'registry_rate_limited') return false;
  return !isOutage(error) || statusOf(error) !== null;
}

/**
 * True if a registry may mean by its response that it does not have the requested data. Some refuse
 * what is absent (Artifactory: 403), fail on it, or show a login. A registry that is down (502 to
 * 504) or busy does not say so.
 */
export function mayMeanAbsence(error: unknown): error is GantryError {
  const status = statusOf(error);
  if (status === null) return false;
  return [200, 500, 501].includes(status) || (status < 500 && ![408, 425, 429].includes(status));
}

/** The status of the registry's response to the request for the data; null for other errors. */
function statusOf(error: unknown): number | null {
  if (!(error instanceof GantryError)) return null;
  const { status } = (error.details ?? {}) as { status?: unknown };
  return typeof status === 'number' ? status : null;
}
