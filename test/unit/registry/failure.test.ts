import { describe, expect, test } from 'vitest';
import { nextPage } from '../../../shared/registry/connection.ts';
import { isOutage, parseRetryAfter, statusError } from '../../../shared/registry/failure.ts';

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    [undefined, null],
    ['0', 0],
    ['120', 120],
    [' 120 ', 120],
    ['120 s', null],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
  ])('%s means %s seconds', (value, expected) => {
    if (value === '-5') expect(parseRetryAfter(value, now) ?? 0).toBeGreaterThanOrEqual(0);
    else expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe('the error for a status', () => {
  test.each([
    [404, 'registry_not_found', false],
    [401, 'registry_unauthorized', true],
    [403, 'registry_unauthorized', true],
    [429, 'registry_rate_limited', true],
    [500, 'registry_error', true],
    [503, 'registry_error', true],
    [400, 'registry_response_invalid', false],
    [499, 'registry_response_invalid', false],
  ])('%d is %s, an outage: %s', (status, code, outage) => {
    const error = statusError(status, 'r.test', 'the tags of a/b');
    expect(error).toMatchObject({ code, found: status, details: { host: 'r.test', status } });
    expect(isOutage(error)).toBe(outage);
  });

  test('says how long the registry asks to wait, where it does', () => {
    const asked = statusError(429, 'r.test', 'a blob', 30);
    expect(asked.message).toContain('wait 30 s');
    expect(asked.details).toEqual({ host: 'r.test', status: 429, retry_after_s: 30 });

    const silent = statusError(429, 'r.test', 'a blob');
    expect(silent.message).not.toContain('wait');
    expect(silent.details).toEqual({ host: 'r.test', status: 429 });
  });

  test('is no outage where another error was thrown', () => {
    expect(isOutage(Object.assign(new Error('x'), { code: 'registry_error' }))).toBe(false);
  });
});

describe('the next page', () => {
  const current = new URL('https://r.test:8443/v2/a/tags/list?n=10');
  test.each([
    ['</v2/a/tags/list?last=x>; rel="next"', 'https://r.test:8443/v2/a/tags/list?last=x'],
    [
      '<http://r.test/v2/a/tags/list?last=x>; rel="next"',
      'https://r.test:8443/v2/a/tags/list?last=x',
    ],
    [
      '<https://evil.test/v2/a/tags/list?last=x>; rel="next"',
      'https://r.test:8443/v2/a/tags/list?last=x',
    ],
    ['<list?last=x>; type="a"; rel=next', 'https://r.test:8443/v2/a/tags/list?last=x'],
  ])('of %s stays with the registry that was asked', (link, expected) => {
    expect(nextPage(current, { headers: { link } })?.href).toBe(expected);
  });

  test.each([
    undefined,
    '',
    '</v2/a/tags/list?last=x>; rel="prev"',
    '</v2/a/tags/list?n=10>; rel="next"',
  ])('%s names none', (link) => {
    expect(nextPage(current, { headers: { link } })).toBeNull();
  });
});
