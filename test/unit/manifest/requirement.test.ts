import { describe, expect, test } from 'vitest';
import { parseRequirement } from '../../../shared/manifest/index.ts';

describe('parseRequirement', () => {
  test.each([
    [
      'powernode/system-base@^1.0',
      { account: 'powernode', module: 'system-base', constraint: '^1.0' },
    ],
    ['system-base@*', { account: null, module: 'system-base', constraint: '*' }],
    ['a/b@>=1 <2 || 3.x', { account: 'a', module: 'b', constraint: '>=1 <2 || 3.x' }],
    ['a/b@1.2.3-rc.1+build', { account: 'a', module: 'b', constraint: '1.2.3-rc.1+build' }],
  ])('reads %j', (text, expected) => {
    expect(parseRequirement(text)).toEqual(expected);
  });

  test.each([
    ['powernode/system-base', /expected <account>\/<module>@<constraint>/],
    ['/b@1', /an account name before the "\/", found "\/b@1"/],
    ['A/b@1', /an account name/],
    ['a/b/c@1', /expected <account>/],
    ['a/@1', /a module name before the "@"/],
    ['a/b@', /a semver range/],
    ['a/b@ ', /a semver range/],
    ['a/b@latest', /a semver range/],
    ['a/b@^1.0@2', /a semver range/],
    [`a/b@${'>=1 '.repeat(100)}`, /a semver range/],
  ])('refuses %j', (text, message) => {
    expect(() => parseRequirement(text)).toThrow(
      expect.objectContaining({
        code: 'requirement_invalid',
        message: expect.stringMatching(message),
      }),
    );
  });
});
