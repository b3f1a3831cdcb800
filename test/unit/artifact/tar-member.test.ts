import { describe, expect, test } from 'vitest';
import type { PaxAttributes } from '../../../shared/artifact/pax.ts';
import { octal11Max, type TarHeader } from '../../../shared/artifact/tar-header.ts';
import { type Extensions, resolveMember } from '../../../shared/artifact/tar-member.ts';

const header: TarHeader = {
  name: Buffer.from('rootfs/a'),
  linkName: Buffer.from('target'),
  typeflag: '0',
  mode: 0o644,
  uid: 1,
  gid: 2,
  size: 0,
  mtime: 3,
  devMajor: 4,
  devMinor: 5,
};

const resolve = (fields: Partial<TarHeader>, pax?: PaxAttributes, more: Partial<Extensions> = {}) =>
  resolveMember(
    { ...header, ...fields },
    { pax, longName: undefined, longLink: undefined, offset: 1024, ...more },
  );

describe('a member of a tar', () => {
  test('has what its header says, without extensions', () => {
    expect(resolve({ size: 7 })).toEqual({
      ...header,
      size: 7,
      mtimeNs: 0,
      xattrs: undefined,
      offset: 1024,
    });
  });

  test('has what its extensions say instead', () => {
    const pax: PaxAttributes = {
      path: Buffer.from('p'),
      linkPath: Buffer.from('l'),
      uid: 0,
      gid: 0,
      mtime: { seconds: 0, nanoseconds: 1 },
      xattrs: { 'user.a': '' },
    };
    expect(resolve({ typeflag: '2' }, pax)).toMatchObject({
      name: pax.path,
      linkName: pax.linkPath,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 1,
      xattrs: pax.xattrs,
    });

    const [longName, longLink] = [Buffer.from('n'), Buffer.from('k')];
    expect(resolve({ typeflag: '1' }, undefined, { longName, longLink })).toMatchObject({
      name: longName,
      linkName: longLink,
    });
  });

  test.each<[string, Partial<TarHeader>, PaxAttributes, number]>([
    ['that only pax can state', {}, { size: octal11Max + 1 }, octal11Max + 1],
    ['that both state', { size: 5 }, { size: 5 }, 5],
  ])('has the size %s', (_what, fields, pax, size) => {
    expect(resolve(fields, pax).size).toBe(size);
  });

  test.each<[string, Partial<TarHeader>, PaxAttributes, object]>([
    ['a sparse file', { typeflag: 'S' }, {}, { code: 'tar_sparse_refused' }],
    ['an unknown type', { typeflag: '7' }, {}, { code: 'tar_entry_type_unsupported', found: '7' }],
    ['a size that fits the header', {}, { size: octal11Max }, { expected: 0, found: octal11Max }],
    [
      'a large size beside another one',
      { size: 5 },
      { size: octal11Max + 1 },
      { expected: 5, found: octal11Max + 1 },
    ],
    ['a directory with content', { typeflag: '5', size: 1 }, {}, { code: 'tar_malformed' }],
    [
      'a long target of a directory',
      { typeflag: '5' },
      { linkPath: Buffer.from('l') },
      { code: 'tar_malformed' },
    ],
    ['the owner that means none', { uid: 0xffffffff }, {}, { found: 0xffffffff }],
    ['the group that means none', {}, { gid: 0xffffffff }, { found: 0xffffffff }],
  ])('that is or has %s is refused', (_what, fields, pax, expected) => {
    expect(() => resolve(fields, pax)).toThrow(expect.objectContaining(expected));
  });

  test('may have the highest owner that chown sets', () => {
    expect(resolve({ uid: 0xfffffffe }).uid).toBe(0xfffffffe);
  });
});
