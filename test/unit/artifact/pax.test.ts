import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodePax,
  decodePaxTime,
  decodeUtf8,
  encodePax,
  encodePaxTime,
  paxAttributes,
  requireIdleRecords,
} from '../../../shared/artifact/pax.ts';
import { xattrKey } from '../../../shared/artifact/pax-xattr.ts';
import { paxRecord } from '../../support/tar-archive.ts';

const codeOf = (action: () => unknown) => {
  try {
    action();
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('pax records', () => {
  test('what is encoded decodes to the same records, values of any bytes', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('='));
    const value = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, value), { selector: ([text]) => text }),
        (records) => {
          expect([...decodePax(encodePax(records), 0)]).toEqual(records);
        },
      ),
    );
  });

  test('a record whose length gains a digit by counting itself has the right length', () => {
    // " path=" + value + "\n" of 98 bytes: two digits would make 100, which has three.
    expect(
      encodePax([['path', Buffer.alloc(91, 0x61)]])
        .subarray(0, 4)
        .toString(),
    ).toBe('101 ');
  });

  test.each([
    ['no length', 'path=a\n'],
    ['a length of zero', '0 path=a\n'],
    ['a length with a leading zero', '010 path=a\n'],
    ['a length past the end', '99 path=a\n'],
    ['a length that cuts the record', '8 path=a\n'],
    ['an absurd length', '99999999999999999999 path=a\n'],
    ['text before its length', 'a7 b=c\n'],
    ['no equals sign', '7 path\n'],
    ['an empty key', '5 =a\n'],
    ['no newline at the end', '9 path=ab'],
    ['the same key twice', '10 path=a\n10 path=b\n'],
    ['padding behind the records', '10 path=a\n\0'],
    ['a key that is not UTF-8', Buffer.from('3820ff3d610a', 'hex')],
  ])('%s is refused', (_what, body) => {
    expect(codeOf(() => decodePax(Buffer.from(body as string), 0))).toBe('tar_malformed');
  });

  test.each([
    ['tar_sparse_refused', 'GNU.sparse.major', '1'],
    ['tar_sparse_refused', 'GNU.sparse.name', 'rootfs/a'],
    ['tar_sparse_refused', 'SCHILY.realsize', '1'],
    ['tar_malformed', 'SCHILY.acl.access', 'user::rwx'],
    ['tar_malformed', 'RHT.security.selinux', 'x'],
    ['tar_malformed', 'hdrcharset', 'ISO-IR 8859 1 1998'],
    ['tar_malformed', 'size', '-1'],
    ['tar_malformed', 'size', '1e3'],
    ['tar_malformed', 'size', '9999999999999999'],
    ['tar_malformed', 'uid', ''],
    ['tar_malformed', 'mtime', '1.0000000001'],
    ['tar_malformed', 'mtime', 'nan'],
    ['tar_xattr_invalid', 'SCHILY.xattr.', 'x'],
    ['tar_xattr_invalid', `SCHILY.xattr.user.${'x'.repeat(251)}`, 'x'],
    ['tar_xattr_invalid', 'SCHILY.xattr.user.a', 'x'.repeat(65_537)],
  ])('%s for %s = %s', (code, key, value) => {
    expect(
      codeOf(() => paxAttributes(decodePax(paxRecord(key, value.slice(0, 70_000)), 0), 0)),
    ).toBe(code);
  });

  const errorOf = (key: string, value: string | Buffer) => {
    try {
      return paxAttributes(decodePax(paxRecord(key, value), 0), 0);
    } catch (error) {
      return error;
    }
  };

  test.each([
    ['hdrcharset', 'latin', { found: '"latin"' }],
    ['size', '1e3', { found: '"1e3"' }],
    ['mtime', 'nan', { found: '"nan"' }],
    ['SCHILY.xattr.', 'x', { found: '""' }],
    ['SCHILY.xattr.other', 'x', { found: '"other"' }],
    ['SCHILY.xattr.user.a', 'x'.repeat(65_537), { expected: 65_536, found: 65_537 }],
    ['SCHILY.acl.access', 'x', { message: expect.stringContaining('`--no-acls`') }],
    ['RHT.security.selinux', 'x', { message: expect.stringContaining('`--no-selinux`') }],
    ['GNU.dumpdir', 'x', { message: expect.stringContaining('without `--incremental`') }],
    ['GNU.volume.x', 'x', { message: expect.stringContaining('without `--multi-volume`') }],
    ['other', 'x', { message: expect.not.stringContaining('archive without it') }],
  ])('a refusal of %s = %s says what was found', (key, value, expected) => {
    expect(errorOf(key, value)).toMatchObject(expected);
  });

  test.each([
    ['a name of 255 bytes', `user.${'x'.repeat(250)}`, 'v', 'dg=='],
    ['a value of 64 KiB', 'user.a', 'v'.repeat(65_536), btoa('v'.repeat(65_536))],
    ['an access control list', 'system.posix_acl_access', 'v', 'dg=='],
    ['a newline in its name', 'user.a\nb', 'v', 'dg=='],
    ['a newline first in its name', 'user.\n', 'v', 'dg=='],
  ])('an attribute of %s is read', (_what, name, value, encoded) => {
    expect(errorOf(`SCHILY.xattr.${name}`, value)).toEqual({ xattrs: { [name]: encoded } });
  });

  test.each(['system.other', 'system.posix_acl_access.x', 'xsystem.posix_acl_access', 'xuser.a'])(
    'an attribute named %j is in no namespace',
    (name) => {
      expect(errorOf(`SCHILY.xattr.${name}`, 'v')).toMatchObject({ code: 'tar_xattr_invalid' });
    },
  );

  test('owners and sizes are read', () => {
    expect(errorOf('uid', '5')).toEqual({ uid: 5 });
    expect(errorOf('gid', '6')).toEqual({ gid: 6 });
    expect(errorOf('size', '999999999999999')).toEqual({ size: 999_999_999_999_999 });
  });

  test('an entry without extended attributes has none', () => {
    expect(errorOf('path', 'a')).toEqual({ path: Buffer.from('a') });
  });

  test('attributes are read in the order of their names', () => {
    const body = Buffer.concat([
      paxRecord('SCHILY.xattr.user.b', '1'),
      paxRecord('SCHILY.xattr.user.a', '2'),
    ]);
    const { xattrs } = paxAttributes(decodePax(body, 0), 0);
    expect(Object.keys(xattrs ?? {})).toEqual(['user.a', 'user.b']);
  });

  test('attributes in the form of libarchive must repeat those of GNU tar', () => {
    const both = (key: string, value: string) =>
      codeOf(() => {
        const records = [paxRecord('SCHILY.xattr.user.a b', 'x'), paxRecord(key, value)];
        return paxAttributes(decodePax(Buffer.concat(records), 0), 0);
      });

    expect(both('LIBARCHIVE.xattr.user.a%20b', 'eA')).toBe('accepted');
    expect(both('LIBARCHIVE.xattr.user.a%20b', 'eQ')).toBe('tar_xattr_invalid');
    expect(both('LIBARCHIVE.xattr.user.a', 'eA')).toBe('tar_malformed');
    expect(both('LIBARCHIVE.xattr.user.%', 'eA')).toBe('tar_malformed');
  });

  test('a global header may only comment', () => {
    const records = (key: string) => decodePax(paxRecord(key, 'x'), 0);
    expect(() => requireIdleRecords(records('comment'), 0)).not.toThrow();
    expect(() => requireIdleRecords(records('path'), 0)).toThrow(
      expect.objectContaining({ code: 'tar_entry_type_unsupported', found: '"path"' }),
    );
  });

  test.each([
    ['1', 1, 0],
    ['1.', 1, 0],
    ['0.5', 0, 500_000_000],
    ['-3', -3, 0],
    ['-0', 0, 0],
    ['999999999999999.999999999', 999_999_999_999_999, 999_999_999],
  ])('the time %s is read', (text, seconds, nanoseconds) => {
    expect(decodePaxTime(text, '')).toEqual({ seconds, nanoseconds });
  });

  test.each(['1000000000000000', '1.0000000001', '1x', 'x1', '.5', '1,5', '-', ''])(
    'the time %j is refused',
    (text) => {
      expect(codeOf(() => decodePaxTime(text, ''))).toBe('tar_malformed');
    },
  );

  test.each([
    [0, 0, '0'],
    [5, 0, '5'],
    [5, 100, '5.0000001'],
    [-5, 0, '-5'],
    [-5, 250_000_000, '-4.75'],
  ])('%i s and %i ns are written as %s', (seconds, nanoseconds, text) => {
    expect(encodePaxTime(seconds, nanoseconds)).toBe(text);
  });

  test('text keeps its byte order mark, and other bytes are no text', () => {
    expect(decodeUtf8(Buffer.from('efbbbf61', 'hex'))).toBe('\ufeffa');
    expect(decodeUtf8(Buffer.from('ff', 'hex'))).toBeUndefined();
  });

  test('an attribute written in two ways is refused as a duplicate', () => {
    const body = Buffer.concat([
      paxRecord('SCHILY.xattr.user.a%', '1'),
      paxRecord('SCHILY.xattr.user.a%25', '2'),
    ]);
    expect(codeOf(() => paxAttributes(decodePax(body, 0), 0))).toBe('tar_xattr_invalid');
  });

  test('names of attributes are escaped as GNU tar does', () => {
    expect(xattrKey('user.a=b%c')).toBe('SCHILY.xattr.user.a%3Db%25c');
    const body = Buffer.concat([
      paxRecord('SCHILY.xattr.user.a%253D%3D', '1'),
      paxRecord('SCHILY.xattr.user.__proto__', '2'),
    ]);
    const { xattrs } = paxAttributes(decodePax(body, 0), 0);

    expect(Object.entries(xattrs ?? {})).toEqual([
      ['user.__proto__', 'Mg=='],
      ['user.a%3D=', 'MQ=='],
    ]);
  });

  test('times survive, also before 1970', () => {
    expect(decodePaxTime('-1.5', '')).toEqual({ seconds: -2, nanoseconds: 500_000_000 });
    expect(encodePaxTime(-2, 500_000_000)).toBe('-1.5');
    expect(encodePaxTime(-1, 999_999_999)).toBe('-0.000000001');

    const seconds = fc.integer({ min: -(10 ** 14), max: 10 ** 14 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), (whole, nanoseconds) => {
        expect(decodePaxTime(encodePaxTime(whole, nanoseconds), '')).toEqual({
          seconds: whole,
          nanoseconds,
        });
      }),
    );
  });
});
