import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { sample } from '../../../shared/base/sample.ts';

const numbers = (count: number) => Readable.from(Array.from({ length: count }, (_, n) => n));

test('all of few items are taken, in their order', async () => {
  expect(await sample(numbers(3), 3)).toEqual([0, 1, 2]);
  expect(await sample(numbers(0), 3)).toEqual([]);
});

test('each of many items may be taken, the last as often as the first', async () => {
  const times = Array.from({ length: 20 }, () => 0);
  for (let run = 0; run < 2000; run++) {
    const taken = await sample(numbers(20), 5);
    expect(new Set(taken).size).toBe(5);
    for (const number of taken) times[number] = (times[number] ?? 0) + 1;
  }

  // Expected are 500 of each, with a standard deviation of 19.
  expect(Math.min(...times)).toBeGreaterThan(380);
  expect(Math.max(...times)).toBeLessThan(620);
});
