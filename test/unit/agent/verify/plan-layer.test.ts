import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planLayer } from '../../../../agent/verify/plan-layer.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import type { TreeEntry } from '../../../../shared/domain/files/index.ts';

const request = limits.agentRequestBytes;

/** Files one after the other, each behind a header of 512 bytes, as `size[+]`: `+` is stored. */
function filesOf(...sizes: string[]): { entries: TreeEntry[]; stored: Set<string>; size: number } {
  const stored = new Set<string>();
  const entries: TreeEntry[] = [];
  let at = 0;

  for (const [number, text] of sizes.entries()) {
    const path = `/${number}`;
    const size = Number.parseInt(text, 10);
    if (text.endsWith('+')) stored.add(path);

    at += 512;
    const owner = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0 };
    entries.push({ path, type: 'file', mode: 0o644, size, offset: at, ...owner });
    at += Math.ceil(size / 512) * 512;
  }

  return { entries, stored, size: at + 1024 };
}

function plan(...sizes: string[]) {
  const { entries, stored, size } = filesOf(...sizes);
  return planLayer({ entries, size, has: ({ path }) => stored.has(path) });
}

describe('the plan of a layer', () => {
  it('asks for nothing when the store has everything', () => {
    expect(plan('1000+', '2000+')).toMatchObject({ kind: 'rebuild', ranges: [] });
  });

  it('asks for the one file that is missing, and for no byte more', () => {
    expect(plan('1000000+', '700', '1000000+')).toMatchObject({
      kind: 'rebuild',
      ranges: [{ start: 1_001_472, end: 1_002_172 }],
    });
  });

  it('joins ranges whose gap costs less than a request, and no others', () => {
    const near = `${request - 1024 - 512}+`;
    const far = `${request}+`;

    expect(plan('1024', near, '1024')).toMatchObject({ ranges: [{ start: 512 }] });
    expect(plan('1024', far, '1024', `${request * 9}+`)).toMatchObject({
      ranges: [{ start: 512 }, { end: 1536 + 512 + request + 512 + 1024 }],
    });
  });

  it('takes the whole layer when the index names bytes beyond its end', () => {
    const { entries } = filesOf('100', '1000');
    expect(planLayer({ entries, size: 1100, has: () => false })).toEqual({ kind: 'whole' });
  });

  it('needs no way for content that the index has, and fetches a hard link once', () => {
    const { entries, size } = filesOf('64', '5000');
    const linked = [...entries, { ...(entries[1] as TreeEntry), path: '/link' }];
    const found = planLayer({ entries: linked, size, has: () => false });

    expect(found).toMatchObject({ ranges: [{ start: 1536, end: 6536 }] });
    expect(found.kind === 'rebuild' && [...found.ways]).toEqual([[1536, 'range']]);
  });

  it('covers what is missing, in order, and never costs more than the whole layer', () => {
    const file = fc.tuple(fc.nat(4 * request), fc.boolean());
    const files = fc.array(file, { maxLength: 40 });

    fc.assert(
      fc.property(files, (all) => {
        const { entries, stored, size } = filesOf(
          ...all.map(([bytes, isThere]) => `${bytes}${isThere ? '+' : ''}`),
        );
        const found = planLayer({ entries, size, has: ({ path }) => stored.has(path) });
        if (found.kind === 'whole') return;

        const { ways, ranges } = found;
        for (const { path, offset = 0, size: bytes } of entries.filter((one) => one.size > 64)) {
          const isCovered = ranges.some(
            ({ start, end }) => start <= offset && offset + bytes <= end,
          );
          expect(ways.get(offset)).toBe(stored.has(path) ? 'store' : 'range');
          expect(isCovered || stored.has(path)).toBe(true);
        }

        for (const [i, range] of ranges.slice(1).entries()) {
          expect(range.start - (ranges[i]?.end ?? 0)).toBeGreaterThan(request);
        }

        const cost = ranges.reduce((sum, { start, end }) => sum + end - start + request, 0);
        expect(cost).toBeLessThanOrEqual(size + request);
      }),
    );
  });
});
