import { describe, expect, test } from 'vitest';
import { nextPage } from '../../../shared/registry/connection.ts';
import { parseRetryAfter } from '../../../shared/registry/failure.ts';

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    [undefined, null],
    ['0', 0],
    ['120', 120],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
  ])('%s means %s seconds', (value, expected) => {
    if (value === '-5') expect(parseRetryAfter(value, now) ?? 0).toBeGreaterThanOrEqual(0);
    else expect(parseRetryAfter(value, now)).toBe(expected);
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
    expect(nextPage(current, link)?.href).toBe(expected);
  });

  test.each([
    undefined,
    '',
    '</v2/a/tags/list?last=x>; rel="prev"',
    '</v2/a/tags/list?n=10>; rel="next"',
  ])('%s names none', (link) => {
    expect(nextPage(current, link)).toBeNull();
  });
});
