import { describe, expect, test, vi } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import { retryConflicts } from '../../../shared/base/retry-conflicts.ts';

const conflict = () => new GantryError('conflict', 'the row has changed');
const taken = () => new GantryError('already_exists', 'the row exists');

/** Work that fails with these errors, one a run, and then returns. */
const failing = (...errors: Error[]) =>
  vi.fn(async () => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    return 'done';
  });

describe('retryConflicts', () => {
  test('runs the work again after each conflict', async () => {
    const work = failing(conflict(), conflict());
    await expect(retryConflicts(work)).resolves.toBe('done');
    expect(work).toHaveBeenCalledTimes(3);
  });

  test('throws the last conflict when it has no attempts left', async () => {
    const last = conflict();
    const work = failing(conflict(), last, conflict());
    await expect(retryConflicts(work, { attempts: 2 })).rejects.toBe(last);
    expect(work).toHaveBeenCalledTimes(2);
  });

  test.each([new TypeError('a bug'), new Error('the cloud is away'), taken()])(
    'immediately throws an error that is not a conflict: %s',
    async (error) => {
      const work = failing(error);
      await expect(retryConflicts(work)).rejects.toBe(error);
      expect(work).toHaveBeenCalledTimes(1);
    },
  );

  test('retries after the codes that it is given', async () => {
    const work = failing(taken(), conflict());
    await expect(retryConflicts(work, { codes: ['conflict', 'already_exists'] })).resolves.toBe(
      'done',
    );
  });
});
