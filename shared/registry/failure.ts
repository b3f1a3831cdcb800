import { GantryError } from '../base/error.ts';
import { discard, type HttpResponse, header } from './transport.ts';

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

  if (status >= 500)
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
  return (
    error instanceof GantryError &&
    [
      'registry_unreachable',
      'registry_timeout',
      'registry_unauthorized',
      'registry_rate_limited',
      'registry_error',
      'address_refused',
    ].includes(error.code)
  );
}
