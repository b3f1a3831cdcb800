import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { lineDiff } from '../../../shared/composition/line-diff.ts';

const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join('');
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);

describe('lineDiff', () => {
  it('shows what differs with two lines around it, and where it is', () => {
    const before = text(...numbered(1, 20));
    const after = text(...numbered(1, 9), 'changed', ...numbered(11, 19), 'also');

    expect(lineDiff(before, after, 100)?.lines).toEqual([
      '@@ -8 +8 @@',
      '  line 8',
      '  line 9',
      '- line 10',
      '+ changed',
      '  line 11',
      '  line 12',
      '@@ -18 +18 @@',
      '  line 18',
      '  line 19',
      '- line 20',
      '+ also',
    ]);
  });

  it('shows a whole new text, and nothing for equal ones', () => {
    expect(lineDiff('', text('a', 'b'), 100)?.lines).toEqual(['@@ -1 +1 @@', '+ a', '+ b']);
    expect(lineDiff(text('a'), text('a'), 100)?.lines).toEqual([]);
  });

  it('shows a missing newline at the end', () => {
    expect(lineDiff('a\n', 'a', 100)?.lines).toEqual([
      '@@ -1 +1 @@',
      '  a',
      '+ \\ no newline at the end',
    ]);
  });

  it.each([
    ['a line twice in place of once', ['a', 'b'], ['a', 'a', 'b'], ['+ a']],
    ['a line once in place of twice', ['a', 'a', 'b'], ['a', 'b'], ['- a']],
    ['lines before others that stay', ['x', 'c', 'd', 'e'], ['c', 'd', 'e'], ['- x']],
  ])('shows %s', (_what, before, after, changed) => {
    const { lines = [] } = lineDiff(text(...before), text(...after), 100) ?? {};
    expect(lines.filter((line) => /^[+-]/.test(line))).toEqual(changed);
  });

  it('shows two lines behind a difference, of many', () => {
    const lines = numbered(1, 9);
    expect(lineDiff(text(...lines), text(...lines.with(2, 'x')), 100)?.lines).toEqual([
      '@@ -1 +1 @@',
      '  line 1',
      '  line 2',
      '- line 3',
      '+ x',
      '  line 4',
      '  line 5',
    ]);
  });

  it('compares texts of which one is far longer than the bound', () => {
    const most = numbered(1, limits.diffLinesCompared);
    expect(lineDiff('', text(...most), 1)?.more).toBe(most.length);
    expect(lineDiff('', text(...most, 'more'), 1)).toBeNull();
  });

  it('is truncated and says by how much; a long line too', () => {
    const after = text(...numbered(1, 10), 'x'.repeat(1000));
    expect(lineDiff('', after, 3)).toEqual({
      lines: ['@@ -1 +1 @@', '+ line 1', '+ line 2'],
      more: 9,
    });
    const longest = 'x'.repeat(limits.diffLineLengthMax);
    expect(lineDiff('', text(longest), 100)?.lines.at(-1)).toBe(`+ ${longest}`);
    expect(lineDiff('', after, 100)?.lines.at(-1)).toBe(
      `+ ${'x'.repeat(limits.diffLineLengthMax)}…`,
    );
  });

  it('cuts a line beside a pair of surrogates, not within it', () => {
    const line = `${'x'.repeat(limits.diffLineLengthMax - 1)}😀`;
    expect(lineDiff('', text(line), 100)?.lines.at(-1)).toMatch(/x�…$/);
  });

  it('compares only so many lines, though a change in a long text is found', () => {
    const long = numbered(1, 5000);
    expect(lineDiff(text(...long), text(...long.toReversed()), 100)).toBeNull();
    expect(lineDiff(text(...long), text(...long.with(2500, 'x')), 100)?.lines).toContain('+ x');
  });

  it('turns the one text into the other when it is applied (law)', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 15 });
    fc.assert(
      fc.property(lines, lines, (old, fresh) => {
        expect(applied(old, lineDiff(text(...old), text(...fresh), 1000)?.lines ?? [])).toEqual(
          fresh,
        );
      }),
    );
  });
});

function applied(old: string[], diff: string[]): string[] {
  const left = [...old];
  const out: string[] = [];

  for (const line of diff) {
    const place = /^@@ -(\d+) /.exec(line)?.[1];
    if (place !== undefined)
      out.push(...left.splice(0, Number(place) - 1 - (old.length - left.length)));
    else if (line.startsWith('+ ')) out.push(line.slice(2));
    else {
      expect(left.shift()).toBe(line.slice(2));
      if (line.startsWith('  ')) out.push(line.slice(2));
    }
  }

  return [...out, ...left];
}
