import { describe, expect, test } from 'vitest';
import { parseRequirement, requiredName } from '../../../shared/manifest/index.ts';

const module = (account: string | null, name: string, constraint: string) => ({
  kind: 'module',
  account,
  module: name,
  constraint,
});
const capability = (name: string, constraint: string) => ({
  kind: 'capability',
  capability: name,
  constraint,
});

describe('parseRequirement', () => {
  test.each([
    ['powernode/system-base@^1.0', module('powernode', 'system-base', '^1.0')],
    ['powernode/system-base', module('powernode', 'system-base', '*')],
    ['system-base@*', module(null, 'system-base', '*')],
    ['system-base', module(null, 'system-base', '*')],
    ['Acme/System-Base@^1.0', module('acme', 'system-base', '^1.0')],
    ['Chrony', module(null, 'chrony', '*')],
    ['a/b@>=1 <2 || 3.x', module('a', 'b', '>=1 <2 || 3.x')],
    ['a/b@~> 1.2', module('a', 'b', '~> 1.2')],
    ['a/b@!= 1.2.0', module('a', 'b', '!= 1.2.0')],
    ['a/b@1.2.3-rc.1+build', module('a', 'b', '1.2.3-rc.1+build')],
    ['a/b--c_d.e@1', module('a', 'b--c_d.e', '1')],
    ['capability:base-os:ubuntu-24.04', capability('base-os:ubuntu-24.04', '*')],
    ['capability:database.postgres@>= 16', capability('database.postgres', '>= 16')],
    ['capability:ruby@=3.4.7.1', capability('ruby', '=3.4.7')],
    ['capability:ruby@^3.4', capability('ruby', '^3.4')],
  ])('reads %j', (text, expected) => {
    expect(parseRequirement(text)).toEqual(expected);
  });

  test.each([
    ['', /expected <account>\/<module>, <module> or capability:<tag>/],
    ['/b@1', /an account name before the "\/", found "\/b@1"/],
    ['a/b/c@1', /expected <account>/],
    ['a/@1', /a module name before the "@"/],
    ['http.port:80', /expected <account>\/<module>, <module> or/],
    ['a/b@', /a version range/],
    ['a/b@ ', /a version range/],
    ['a/b@latest', /a version range/],
    ['a/b@^1.0@2', /a version range/],
    ['a/b@1.2.3.4', /a version range/],
    [`a/b@${'>=1 '.repeat(100)}`, /a version range/],
    ['capability:', /a capability after "capability:"/],
    ['capability:Ruby', /a capability after "capability:"/],
    ['capability:a/b', /a capability after "capability:"/],
    ['capability:ruby@', /a version range/],
    ['capability:ruby@new', /a version range/],
  ])('refuses %j', (text, message) => {
    expect(() => parseRequirement(text)).toThrow(
      expect.objectContaining({
        code: 'requirement_invalid',
        message: expect.stringMatching(message),
      }),
    );
  });

  test.each([
    ['a/b@1', 'a/b'],
    ['b@1', 'b'],
    ['capability:b@1', 'capability:b'],
  ])('a resolution names %j as %j', (text, name) => {
    expect(requiredName(parseRequirement(text))).toBe(name);
  });
});
