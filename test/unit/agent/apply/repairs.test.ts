import { describe, expect, it } from 'vitest';
import { countRepair, requireRepairDue } from '../../../../agent/apply/repairs.ts';
import { initialState } from '../../../../agent/state.ts';

const minute = 60_000;
const start = Date.parse('2026-01-01T00:00:00Z');

function isDue(repairs: typeof initialState.repairs, at: number): boolean {
  try {
    requireRepairDue(repairs, new Date(at));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'root_tampered' });
    return false;
  }
}

/** The minutes between repairs of a root that is tampered with before each tick. */
function waits(repairs: number): number[] {
  let state = initialState.repairs;
  let [at, last] = [start, start];
  const between: number[] = [];

  while (between.length < repairs) {
    at += minute;
    if (!isDue(state, at)) continue;
    state = countRepair(state, new Date(at));
    between.push((at - last) / minute);
    last = at;
  }

  return between;
}

describe('the time between two repairs', () => {
  it('doubles up to an hour', () => {
    expect(waits(10)).toEqual([1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('is none after the first repair', () => {
    const once = countRepair(initialState.repairs, new Date(start));
    expect(isDue(once, start + 1)).toBe(true);
    expect(isDue(countRepair(once, new Date(start + 1)), start + 2)).toBe(false);
  });

  it('is none again after two calm hours', () => {
    const busy = { count: 9, last_at: new Date(start).toISOString() };
    expect(countRepair(busy, new Date(start + 119 * minute)).count).toBe(10);
    expect(countRepair(busy, new Date(start + 120 * minute)).count).toBe(1);
  });

  it('is none when the clock was set back', () => {
    const busy = { count: 9, last_at: new Date(start).toISOString() };
    expect(isDue(busy, start)).toBe(false);
    expect(isDue(busy, start - 1)).toBe(true);
  });

  it('is named', () => {
    const busy = { count: 3, last_at: new Date(start).toISOString() };
    expect(() => requireRepairDue(busy, new Date(start))).toThrow(
      'laid out again 3 times and tampered with again; it is laid out again after 2026-01-01T00:04:00.000Z.',
    );
  });
});
