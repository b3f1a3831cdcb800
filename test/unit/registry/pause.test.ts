import { describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { readPause } from '../../../shared/registry/pause.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const asked = (status: number, headers: Record<string, string> = {}, foreign = false) => {
  const pause = readPause(
    { method: 'GET', url: 'https://r.test/v2/', status, headers, foreign },
    now,
  );
  return pause === null ? null : { scope: pause.scope, seconds: (pause.untilMs - now) / 1000 };
};

describe('what a registry asks for', () => {
  test.each([
    ['Retry-After in seconds', 429, { 'retry-after': '120' }, { scope: 'all', seconds: 120 }],
    [
      'Retry-After as a time',
      429,
      { 'retry-after': 'Sun, 01 Mar 2026 12:10:00 GMT' },
      { scope: 'all', seconds: 600 },
    ],
    ['429 without a word', 429, {}, { scope: 'all', seconds: limits.registryPauseSeconds }],
    ['503 with Retry-After', 503, { 'retry-after': '30' }, null],
    ['500', 500, { 'retry-after': '30' }, null],
    // docs.docker.com, "Pull usage and limits": 100 pulls in six hours, a tenth of which is back
    // after 36 minutes.
    [
      'Docker Hub’s last pull',
      200,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { scope: 'pulls', seconds: 2160 },
    ],
    [
      'Docker Hub’s refusal',
      429,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { scope: 'pulls', seconds: 2160 },
    ],
    [
      'Docker Hub with pulls left',
      200,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' },
      null,
    ],
    [
      'the last pull, with blanks in the header',
      200,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': ' 0 ; w=21600' },
      { scope: 'pulls', seconds: 2160 },
    ],
    [
      'the last pull of an unknown quota',
      200,
      { 'ratelimit-remaining': '0;w=21600' },
      { scope: 'pulls', seconds: 2160 },
    ],
    [
      'the last pull of a quota below ten',
      200,
      { 'ratelimit-limit': '5;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { scope: 'pulls', seconds: 2160 },
    ],
    [
      'ten pulls left',
      200,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '10;w=21600' },
      null,
    ],
    [
      'the last request, with the seconds to wait',
      200,
      { 'ratelimit-remaining': '0', 'ratelimit-reset': ' 420 ' },
      { scope: 'all', seconds: 420 },
    ],
    [
      'the last request, with a time that is none',
      200,
      { 'ratelimit-remaining': '0', 'ratelimit-reset': '42 s' },
      null,
    ],
    [
      'GitLab’s last request',
      200,
      { 'ratelimit-remaining': '0', 'ratelimit-reset': String(now / 1000 + 42) },
      { scope: 'all', seconds: 42 },
    ],
    [
      'GitHub’s last request',
      200,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 42) },
      { scope: 'all', seconds: 42 },
    ],
    ['nothing left and no time', 200, { 'ratelimit-remaining': '0' }, null],
    ['nonsense', 200, { 'ratelimit-remaining': 'soon', 'retry-after': 'later' }, null],
    [
      'an endless wait',
      429,
      { 'retry-after': '999999999' },
      { scope: 'all', seconds: limits.pollFailureMaxSeconds },
    ],
  ])('%s', (_, status, headers, expected) => {
    expect(asked(status, headers)).toEqual(expected);
  });

  test('another host, to which it redirected, asks for itself', () => {
    expect(asked(429, { 'retry-after': '120' }, true)).toBeNull();
  });
});
