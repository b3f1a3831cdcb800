import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkRegexp,
  compileRegexp,
  exactRegexp,
  isAnchored,
} from '../../../shared/signature/regexp.ts';
import { cpuMs } from '../../support/cpu.ts';

describe('regexps of a policy', () => {
  test.each([
    '^a$',
    '^https://github\\.com/acme/[^/]+@refs/tags/v[0-9]+$',
    '^(a|b)$',
    '^a$|^b$',
    '(?i)^a$',
    '^[$|]$',
    '^[]|]$',
    '^[^]|]$',
    '^[[:alpha:]|]$',
    '^a\\|b$',
    '^\\Qa|b\\E$',
    '^\\\\$',
    '^$',
    '(?is)^a$',
    '^[\\]|]$',
    '^[[|]$',
    '^[a|:]$',
  ])('%s is anchored', (source) => {
    expect(() => checkRegexp(source)).not.toThrow();
  });

  test.each([
    'a',
    '^a',
    'a$',
    '^a|b$',
    'a|^b$',
    '^a$|b',
    '^a$|b$',
    '^a$|b$|^c$',
    '^\\Q\\E\\Qa$',
    '^a\\$',
    '^a[$]',
    '(^a$)',
    '(?:^a$)|b',
    '^*a$',
    '^?a$',
    '^{0}a$',
    '^(?i)*a$',
    '^(?s-i)(?U){0,1}a$',
    '^\\Q\\E?a$',
    '^\\E?a$',
    '(?m)^a$',
    '^(?m)a$',
    '^(?im:a)$',
    '^\\Qa$',
    '^a\\Q$\\E',
    '^a$?',
    '',
  ])('%s is not anchored', (source) => {
    expect(isAnchored(source)).toBe(false);
    let code = 'none';

    try {
      checkRegexp(source, { field: 'cosign_identity_regexp' });
    } catch (error) {
      code = (error as { code: string }).code;
      expect(error).toMatchObject({ field: 'cosign_identity_regexp', found: source });
    }

    expect(['regexp_unanchored', 'regexp_invalid']).toContain(code);
  });

  test('that are anchored match whole texts and no parts, however they are written', () => {
    const parts =
      '^ $ | ( ) (?: (?i) (?i: (?m: (?-m) (?s-i) (?U) [ [^ ] \\Q \\E \\ a b * + ? {0} {0,1} - [: :] \\A \\z \\b . (?P<m>'.split(
        ' ',
      );
    const texts = [
      '',
      'a',
      'b',
      'ab',
      'ba',
      'xa',
      'ax',
      'a\nb',
      'a\n',
      '^a',
      'a$',
      'a|b',
      'a]',
      '-',
    ];

    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...parts), { maxLength: 7 }),
        fc.constantFrom(...texts),
        (inner, text) => {
          const source = `^${inner.join('')}$`;
          if (!isAnchored(source) || !compiles(source)) return;
          const matcher = compileRegexp(source).matcher(text);
          if (matcher.find()) expect([source, matcher.group()]).toEqual([source, text]);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('may be unanchored where that is allowed', () => {
    expect(() => checkRegexp('acme', { allowUnanchored: true })).not.toThrow();
  });

  test.each([
    '(',
    '(?=a)',
    '(?<!a)b',
    '\\1',
    '[z-a]',
    'a{2000}',
    '((a{100}){100}){100}',
    'x'.repeat(3000),
  ])('%s has no meaning in RE2', (source) => {
    expect(() => checkRegexp(source, { allowUnanchored: true })).toThrow(
      expect.objectContaining({ code: 'regexp_invalid' }),
    );
  });

  test('are searched for, and $ is the very end', () => {
    expect(compileRegexp('acme').test('https://github.com/acme/x')).toBe(true);
    expect(compileRegexp('^acme$').test('acme\n')).toBe(false);
    expect(compileRegexp('^a.c$').test('a\nc')).toBe(false);
  });

  test('take linear time', () => {
    const started = cpuMs();
    expect(compileRegexp('^(a+)+$').test(`${'a'.repeat(20_000)}b`)).toBe(false);
    expect(cpuMs() - started).toBeLessThan(2_000);
  });
});

function compiles(source: string): boolean {
  try {
    compileRegexp(source);
    return true;
  } catch {
    return false;
  }
}

test.each(['a.b', '\\E|x', '^$', 'https://git.test/acme?x=(1)'])(
  'the regexp of exactly %s matches it and nothing else',
  (text) => {
    const regexp = exactRegexp(text);
    expect(() => checkRegexp(regexp)).not.toThrow();
    for (const other of ['', 'aXb', `${text}x`, `x${text}`])
      expect(compileRegexp(regexp).test(other)).toBe(false);
    expect(compileRegexp(regexp).test(text)).toBe(true);
  },
);
