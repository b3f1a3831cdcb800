import { describe, expect, test } from 'vitest';
import {
  commonPath,
  compileGlob,
  contains,
  type Glob,
  intersects,
} from '../../../shared/files/index.ts';
import { cpuMs } from '../../support/cpu.ts';

const globs = (...patterns: string[]) => patterns.map(compileGlob) as [Glob, Glob];

describe('hostile globs', () => {
  const tooComplex = expect.objectContaining({
    code: 'glob_too_complex',
    message: expect.stringMatching(/expected.*found/),
  });
  const answer = (compare: () => unknown) => {
    try {
      return compare();
    } catch (error) {
      expect(error).toEqual(tooComplex);
      return 'too complex';
    }
  };

  test.each([
    ['a long pair of stars and letters', `${'*a'.repeat(900)}*`, `${'*b'.repeat(900)}*`],
    ['a long pair of double stars', `${'**a'.repeat(900)}**`, `${'**b'.repeat(900)}**`],
    ['long runs of question marks', '?'.repeat(2000), `*${'a*'.repeat(900)}`],
    ['a set for each byte', `*a${'?'.repeat(60)}`, `*[a-c]${'?'.repeat(60)}`],
    ['many classes', `${'*[a-f]'.repeat(600)}*`, `${'*[!c]'.repeat(600)}*`],
  ])('%s ends soon, with an answer or a code', (_, a, b) => {
    const started = cpuMs();
    const [first, second] = globs(a, b);

    for (const compare of [intersects, commonPath, contains]) {
      answer(() => compare(first, second));
      answer(() => compare(second, first));
    }

    expect(cpuMs() - started).toBeLessThan(10_000);
  });

  test('a set of positions too many is a coded error, the same glob is still its own part', () => {
    const [a, b] = globs(`*a${'?'.repeat(60)}`, `*[a]${'?'.repeat(60)}`);
    expect(() => contains(a, b)).toThrow(tooComplex);
    expect(contains(a, a)).toBe(true);
    expect(intersects(a, b)).toBe(true);
  });
});
