import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../shared/registry/auth.ts';

describe('challenges', () => {
  test.each([
    ['Basic realm="Registry"', [{ scheme: 'basic', parameters: { realm: 'Registry' } }]],
    [
      'Bearer realm="https://auth.test/token",service="r.test",scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: {
            realm: 'https://auth.test/token',
            service: 'r.test',
            scope: 'repository:a/b:pull,push',
          },
        },
      ],
    ],
    [
      'Bearer realm="https://auth.test/t" , error=invalid_token, Basic realm="say \\"hi\\""',
      [
        { scheme: 'bearer', parameters: { realm: 'https://auth.test/t', error: 'invalid_token' } },
        { scheme: 'basic', parameters: { realm: 'say "hi"' } },
      ],
    ],
    ['BASIC', [{ scheme: 'basic', parameters: {} }]],
    ['', []],
    ['realm="no scheme"', []],
    ['"', []],
  ])('%s is read', (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });
});
