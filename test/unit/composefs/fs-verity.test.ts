import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FsVerity, fsVerityDigest } from '../../../shared/composefs/fs-verity.ts';

// Expected values come from `fsverity digest` (fsverity-utils) over files of n bytes where byte i
// is i * 7 mod 251.
const known: [size: number, digest: string][] = [
  [0, '3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95'],
  [1, 'b803429503d95915829b29fdbc8bbad142f3abfd11b1cadf5526582e685c0551'],
  [64, '243defeeae9ee514fced6d874a65309b82027032c45a13da8174761f38d21f70'],
  [4095, 'f7c044deee0d5af15f6478c08b8a0c03931d9963beb30220eeca8bdd03e1c7e4'],
  [4096, '258b680fa93e3bfc1586d9b439d29a2172bd0db550fe7da1272fd8120d801182'],
  [4097, '0328cc6ed983dc0df3103b9651098ab305e4adfae46a1a5814b6602b0630293d'],
  [8192, '32dd06a98d4b2bb226faad1839766c3592f4f9ed541a417116c8b828ccd07da3'],
  [524287, '3d402ecfcb5aa7f0d14f1f7e64014920ee3c11934ef095db851e6274d3a0af27'],
  [524288, 'e1389416027616e5a91f01961c0d159871f5c6afaf577d6e3b9d815f916fbde0'],
  [524289, '00023924223dbf3c1f1095d9f0fb02546dc2d8ea7032445ad216eab168faa3bb'],
  [1228817, '1caef2e2a5bcbd57b9a77e91a58bcf4e35558bf63e00c7c8487a3f3a62c4b67c'],
];

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251);
}

describe('FsVerity', () => {
  it.each(known)('gives the digest of fsverity-utils for %i bytes', (size, digest) => {
    expect(fsVerityDigest(pattern(size))).toBe(digest);
  });

  it('does not depend on how the bytes are cut into chunks', () => {
    const bytes = pattern(1_200_000);
    const whole = fsVerityDigest(bytes);

    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 12 }), (sizes) => {
        const stream = new FsVerity();
        let at = 0;

        for (let turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          stream.update(bytes.slice(at, at + size));
          at += size;
        }

        expect(stream.digestHex()).toBe(whole);
      }),
      { numRuns: 20 },
    );
  });

  it('follows the definition for one block: the root hash is the hash of the padded block', () => {
    const descriptor = Buffer.alloc(256);
    descriptor.set([1, 1, 12]);
    descriptor.writeUInt32LE(5, 8);
    descriptor.set(
      hash('sha256', Buffer.concat([Buffer.from('hello'), Buffer.alloc(4091)]), 'buffer'),
      16,
    );
    expect(fsVerityDigest(Buffer.from('hello'))).toBe(hash('sha256', descriptor));
  });

  it('answers the same digest twice and refuses bytes after it', () => {
    const stream = new FsVerity().update(Buffer.from('x'));
    expect(stream.digestHex()).toBe(stream.digestHex());
    expect(() => stream.update(Buffer.from('y'))).toThrow(TypeError);
  });
});
