import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { addSpace, findShortage, requireSpace, spaceOf } from '../../../agent/disk-space.ts';

describe('the space that files take', () => {
  it('is whole blocks, and an inode each', () => {
    expect(spaceOf([0, 1, 4096, 4097])).toEqual({ bytes: 4 * 4096, inodes: 4 });
    expect(addSpace(spaceOf([1]), spaceOf([1, 1]))).toEqual({ bytes: 3 * 4096, inodes: 3 });
  });

  it.each([
    [{ bytes: 10, inodes: 2 }, undefined],
    [{ bytes: 9, inodes: 2 }, 'expected 10 free bytes, found 9, so 1 are missing'],
    [{ bytes: 10, inodes: 0 }, 'expected 2 free inodes, found 0, so 2 are missing'],
    [{ bytes: 0, inodes: 0 }, /bytes.*; expected 2 free inodes/],
    [{ bytes: 10, inodes: Number.POSITIVE_INFINITY }, undefined],
  ])('is compared with what is free: %j', (free, shortage) => {
    const found = findShortage({ bytes: 10, inodes: 2 }, free);
    if (shortage instanceof RegExp) expect(found).toMatch(shortage);
    else expect(found).toBe(shortage);
  });

  it('is refused with what is missing when a real disk has no room', async () => {
    await requireSpace(tmpdir(), spaceOf([1]), 'It');
    await expect(
      requireSpace(tmpdir(), { bytes: Number.MAX_SAFE_INTEGER, inodes: 0 }, 'It'),
    ).rejects.toMatchObject({ code: 'disk_full', message: expect.stringMatching(/missing/) });
  });
});
