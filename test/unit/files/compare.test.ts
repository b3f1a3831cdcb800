import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  commonPath,
  compileGlob,
  contains,
  type Glob,
  intersects,
  matches,
  pathOutside,
} from '../../../shared/files/index.ts';

const globs = (...patterns: string[]) => patterns.map(compileGlob) as [Glob, Glob];

describe('commonPath', () => {
  test.each([
    ['/etc/redis.conf', '/etc/redis.conf', '/etc/redis.conf', false],
    ['/etc/*', '*.conf', '/etc/.conf', false],
    ['redis', '/etc/**', '/etc/redis', false],
    ['/etc/***', '/etc/hosts', '/etc/hosts', false],
    ['/etc/***', '/etc/', '/etc', true],
    ['/etc/', '/etc', '/etc', true],
    ['/usr/lib*', '/usr/*/modules/**', null, false],
    ['/etc/**', '/etc', null, false],
    ['/etc/*', '/etc/redis/redis.conf', null, false],
    ['?', 'ü', null, false],
    ['??', 'ü', '/ü', false],
    ['[[:digit:]]', '[[:alpha:]]', null, false],
    ['[!a]', '[!b]', '/c', false],
    ['/x/**/y', '/x/y', null, false],
    ['/x/**/y', '/x/*/*/y', '/x/a/a/y', false],
  ])('of %j and %j is %j', (a, b, path, isDirectory) => {
    expect(commonPath(...globs(a, b))).toEqual(path === null ? null : { path, isDirectory });
    expect(intersects(...globs(a, b))).toBe(path !== null);
  });

  test.each([
    ['/.', '/*'],
    ['/a//b', '/**'],
    ['/[ü]', '/?'],
    ['/', '/**'],
    ['/a/**/.', '/**'],
  ])('is none of %j and %j, because no path is written like this', (a, b) => {
    expect(intersects(...globs(a, b))).toBe(false);
  });

  test('is a file where both match one, however short the directory is', () => {
    expect(commonPath(...globs('/etc/***', '/e*/**'))).toEqual({
      path: '/etc/a',
      isDirectory: false,
    });
  });
});

describe('contains', () => {
  test.each([
    ['*', '/etc/*', true],
    ['/etc/***', '/etc/**', true],
    ['/etc/**', '/etc/***', false],
    ['/etc/***', '/etc/', true],
    ['/etc/***', '/etc', false],
    ['/etc', '/etc/', true],
    ['/etc/', '/etc', false],
    ['a', '**/a', true],
    ['**/a', 'a', true],
    ['/?', '/[ü]', true],
    ['/**', '*', true],
    ['/*', '*', false],
    ['[a-z]', '[[:lower:]]', true],
    ['*.conf', '/etc/*.conf', true],
    ['*a*b*', '*a?b*', true],
    ['/a/**/b', '/a/*/b', true],
    ['/a/*/b', '/a/**/b', false],
    ['\\**', '\\*', true],
  ])('%j contains %j: %j', (a, b, expected) => {
    expect(contains(...globs(a, b))).toBe(expected);
  });

  test('every glob contains one that no path can match', () => {
    expect(contains(...globs('/etc', '/a//b'))).toBe(true);
  });

  test('what is outside is shown by a path', () => {
    expect(pathOutside(...globs('/etc/*', '/etc/**'))).toEqual({
      path: '/etc/a/a',
      isDirectory: false,
    });
    expect(pathOutside(...globs('/etc/', '/etc'))).toEqual({ path: '/etc', isDirectory: false });
  });
});

const pieces = [
  'a',
  'b',
  'a',
  '/',
  '/',
  '*',
  '*',
  '**',
  '?',
  '[ab]',
  '[!a]',
  '.',
  'ü',
  '\\*',
  '[ü]',
  '***',
];
const anyGlob = fc
  .tuple(
    fc.constantFrom('', '/', '/'),
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 5 }),
  )
  .chain(([start, parts]) =>
    fc.constantFrom('', '', '', '/', '/***').map((end) => start + parts.join('') + end),
  )
  .filter((pattern) => !pattern.split('/').includes('..'))
  .map(compileGlob);

/** All paths of up to five characters from a small alphabet, and `/ü` in a few places. */
const fewPaths = (() => {
  const paths: string[] = [];
  for (let texts = ['/']; texts.length > 0 && (texts[0] as string).length <= 5; ) {
    texts = texts.flatMap((text) => ['a', 'b', 'c', '.', '/', 'ü'].map((next) => text + next));
    paths.push(...texts.filter(isPath));
    texts = texts.filter((text) => !text.includes('//'));
  }

  return paths;
})();

function isPath(text: string): boolean {
  const [root, ...names] = text.split('/');
  return root === '' && names.every((name) => name !== '' && name !== '.' && name !== '..');
}

describe('against trying all short paths', () => {
  const sides = [true, false];

  test('two globs have a common path exactly where one is found', () => {
    fc.assert(
      fc.property(anyGlob, anyGlob, (a, b) => {
        const found = commonPath(a, b);
        expect(intersects(a, b)).toBe(found !== null);

        if (found !== null) {
          const { path, isDirectory } = found;
          expect(isPath(path)).toBe(true);
          expect([matches(a, path, isDirectory), matches(b, path, isDirectory)]).toEqual([
            true,
            true,
          ]);

          if (isDirectory)
            expect(
              fewPaths.filter((each) => matches(a, each, false) && matches(b, each, false)),
            ).toEqual([]);

          return;
        }

        for (const isDirectory of sides) {
          const both = fewPaths.filter(
            (path) => matches(a, path, isDirectory) && matches(b, path, isDirectory),
          );
          expect(both).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('one glob contains another exactly where no path is found outside', () => {
    fc.assert(
      fc.property(anyGlob, anyGlob, (a, b) => {
        const found = pathOutside(a, b);
        expect(contains(a, b)).toBe(found === null);

        if (found !== null) {
          const { path, isDirectory } = found;
          expect(isPath(path)).toBe(true);
          expect([matches(a, path, isDirectory), matches(b, path, isDirectory)]).toEqual([
            false,
            true,
          ]);

          return;
        }

        for (const isDirectory of sides) {
          const outside = fewPaths.filter(
            (path) => matches(b, path, isDirectory) && !matches(a, path, isDirectory),
          );
          expect(outside).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a glob contains itself however it is written, and containing is transitive', () => {
    fc.assert(
      fc.property(anyGlob, anyGlob, anyGlob, (a, b, c) => {
        expect(pathOutside(a, { ...a, source: 'the same' })).toBe(null);
        if (contains(a, b) && contains(b, c)) expect(contains(a, c)).toBe(true);
        if (contains(a, b) && intersects(b, c)) expect(intersects(a, c)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
