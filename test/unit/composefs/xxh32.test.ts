import { expect, it } from 'vitest';
import { xxh32 } from '../../../shared/composefs/xxh32.ts';

it.each([
  ['', 0, 0x02cc5d05],
  ['a', 0, 0x550d7456],
  ['abc', 0, 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
])('hashes %j with seed %i as the reference implementation does', (text, seed, hash) => {
  expect(xxh32(text, seed)).toBe(hash);
});
