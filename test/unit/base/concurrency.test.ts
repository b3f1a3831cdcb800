import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapConcurrently, settleAll } from '../../../shared/base/concurrency.ts';

test('returns what Promise.all returns and never runs more calls than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (waits, max) => {
        let running = 0;
        let most = 0;

        const answers = await mapConcurrently(waits, max, async (wait) => {
          running += 1;
          most = Math.max(most, running);
          await sleep(wait);
          running -= 1;

          return wait + 1;
        });

        expect(answers).toEqual(waits.map((wait) => wait + 1));
        expect(most).toBe(Math.min(max, waits.length));
      },
    ),
    { numRuns: 30 },
  );
});

test('fails with the first failure', async () => {
  const failing = mapConcurrently([1, 2, 3], 2, async (n) => {
    if (n === 2) throw new Error(`no ${n}`);
    return n;
  });
  await expect(failing).rejects.toThrow('no 2');
});

test('waits for every part although one fails, and says what failed', async () => {
  const done: string[] = [];
  const part = async (name: string, wait: number) => {
    await sleep(wait);
    done.push(name);
    return name;
  };
  const fails = async (): Promise<string> => {
    throw new Error('no table');
  };

  await expect(settleAll([fails(), part('second', 5), part('third', 1)])).rejects.toThrow(
    '1 of 3 parts failed: no table',
  );
  expect(done).toEqual(['third', 'second']);
  expect(await settleAll([part('a', 1), part('b', 0)])).toEqual(['a', 'b']);
});
