import { describe, expect, test } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { compileGlob, matches } from '../../../shared/files/index.ts';
import { cpuMs } from '../../support/cpu.ts';

describe('compileGlob', () => {
  test.each([
    ['', /found an empty string/],
    ['/etc/[a-', /a "\]" that closes the class/],
    ['[]', /a "\]" that closes the class/],
    ['[a\\', /a "\]" that closes the class/],
    ['[[:vowel:]]', /one of the classes alnum, .*, found \[:vowel:\]/],
    ['[[:toString:]]', /found \[:toString:\]/],
    ['*\\', /a character after the last "\\"/],
    ['a?\\/', /a character after the last "\\"/],
    ['/etc/../shadow', /found a "\.\." component/],
    ['..', /found a "\.\." component/],
    ['a\0b', /without NUL/],
    ['\ud800', /Unicode text/],
    ['- a', /write "\[-\] a"/],
    ['!', /write "\[\\!\]"/],
    ['a'.repeat(limits.globBytesMax + 1), /expected at most 4096 bytes, found 4097/],
  ])('refuses %j and says why', (pattern, why) => {
    const compile = () => compileGlob(pattern);
    expect(compile).toThrow(GantryError);
    expect(compile).toThrow(
      expect.objectContaining({ code: 'glob_invalid', message: expect.stringMatching(why) }),
    );
  });

  // rsync(1): `!`, `- x` and `+ x` are filter rules. The advice is a pattern that rsync takes.
  test.each(['!', '- a', '+ a', '- !'])('advises for %j a pattern that names that file', (name) => {
    let advice = '';
    try {
      compileGlob(name);
    } catch (error) {
      advice = /write "(.*)"$/.exec((error as Error).message)?.[1] ?? '';
    }
    expect(matches(compileGlob(advice), `/etc/${name}`, false)).toBe(true);
  });

  test.each([
    ['[', '\\['],
    ['*\\', '\\*\\\\'],
  ])('takes for the name %j the escapes that it advises', (name, pattern) => {
    expect(() => compileGlob(name)).toThrow(GantryError);
    expect(matches(compileGlob(pattern), `/etc/${name}`, false)).toBe(true);
  });

  test('keeps the pattern as written beside its tokens, which match from the root of the tree', () => {
    expect(compileGlob('a*/')).toEqual({
      source: 'a*/',
      tokens: [
        { kind: 'globstar' },
        { kind: 'byte', byte: 0x2f },
        { kind: 'byte', byte: 0x61 },
        { kind: 'star' },
      ],
      directoryOnly: true,
      coversDirectory: false,
    });
  });
});

describe('matches', () => {
  test.each([
    ['redis.conf', '/etc/redis.conf', true],
    ['redis/redis.conf', '/etc/redis/redis.conf', true],
    ['/redis.conf', '/etc/redis.conf', false],
    ['/etc/*', '/etc/redis/redis.conf', false],
    ['/etc/**', '/etc/redis/redis.conf', true],
    ['/**/redis.conf', '/redis.conf', false],
    ['**/redis.conf', '/redis.conf', true],
    ['/et?/x', '/etc/x', true],
    ['?', '/ü', false],
    ['??', '/ü', true],
    ['[ü][ü]', '/ü', true],
    ['a\\b', '/a\\b', true],
    ['a\\b*', '/a\\b', false],
    ['a\\b*', '/ab', true],
    ['foo\\', '/foo\\', true],
    ['a[/]b', '/a/b', false],
    ['a[!x]b', '/a/b', false],
    ['a[/,]b', '/a,b', false],
    ['/', '/', false],
    ['/**', '/', false],
  ])('%j against the file %j is %j', (pattern, path, expected) => {
    expect(matches(compileGlob(pattern), path, false)).toBe(expected);
  });

  test('a trailing slash matches directories only', () => {
    expect(matches(compileGlob('/etc/'), '/etc', true)).toBe(true);
    expect(matches(compileGlob('/etc/'), '/etc', false)).toBe(false);
  });

  test('dir/*** matches the directory and all in it, dir/** only what is in it', () => {
    expect(matches(compileGlob('/etc/***'), '/etc', true)).toBe(true);
    expect(matches(compileGlob('/etc/***'), '/etc', false)).toBe(false);
    expect(matches(compileGlob('/etc/***'), '/etc/hosts', false)).toBe(true);
    expect(matches(compileGlob('/etc/**'), '/etc', true)).toBe(false);
  });

  test.each([
    `${'*a'.repeat(500)}b`,
    `${'**a'.repeat(500)}b`,
    `${'**/*a'.repeat(500)}b`,
    `*a${'?'.repeat(60)}`,
  ])('takes linear time for the hostile pattern starting %.10s', (pattern) => {
    const glob = compileGlob(pattern);
    const started = cpuMs();

    expect(matches(glob, `/${'aa/'.repeat(600)}${'a'.repeat(2000)}`, false)).toBe(
      pattern.startsWith('*a?'),
    );
    expect(cpuMs() - started).toBeLessThan(2000);
  });

  test('forgets cached states when hostile globs make too many, and still answers right', () => {
    const glob = compileGlob(`*a${'?'.repeat(40)}`);
    let random = 1;
    const text = Array.from({ length: 3 * limits.globStatesMax }, () => {
      random = (random * 48271) % 2147483647;
      return random % 2 === 0 ? 'a' : 'b';
    }).join('');

    expect(matches(glob, `/${text}a${'b'.repeat(40)}`, false)).toBe(true);
    expect(matches(glob, `/${text}c${'b'.repeat(40)}`, false)).toBe(false);
  });
});
