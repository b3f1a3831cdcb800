/**
 * The 32-bit hash of xxHash (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md) of a byte
 * string.
 */
export function xxh32(text: string, seed: number): number {
  const bytes = Buffer.from(text, 'latin1');
  const { length } = bytes;
  let at = 0;
  let hash: number;
  if (length >= 16) {
    const lanes = [seed + prime1 + prime2, seed + prime2, seed, seed - prime1].map(
      (lane) => lane | 0,
    );
    for (; at + 16 <= length; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const input = Math.imul(bytes.readInt32LE(at + 4 * lane), prime2);
        lanes[lane] = Math.imul(rotate(((lanes[lane] as number) + input) | 0, 13), prime1);
      }
    }

    const [a, b, c, d] = lanes as [number, number, number, number];
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else {
    hash = (seed + prime5) | 0;
  }

  hash = (hash + length) | 0;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(bytes.readInt32LE(at), prime3)) | 0, 17), prime4);
  }

  for (; at < length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at] as number, prime5)) | 0, 11), prime1);
  }

  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The bit for this name in an inode's name filter (EROFS, EROFS_XATTR_FILTER_SEED). */
export function xattrNameFilterBit(suffix: string, index: number): number {
  return xxh32(suffix, 0x25bbe08f + index) & 31;
}

const prime1 = 2654435761;
const prime2 = 2246822519;
const prime3 = 3266489917;
const prime4 = 668265263;
const prime5 = 374761393;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
