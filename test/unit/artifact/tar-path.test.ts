import { describe, expect, test } from 'vitest';
import { memberPath, shownMember, symlinkTarget } from '../../../shared/artifact/tar-path.ts';
import type { GantryError } from '../../../shared/base/error.ts';

describe('the name of a member', () => {
  const path = (name: string | Buffer, isDirectory = false) =>
    memberPath(Buffer.from(name as string), 'the entry', isDirectory);

  test.each([
    ['./', '.', true],
    ['./rootfs/a', 'rootfs/a', false],
    ['rootfs/a/', 'rootfs/a', true],
    ['a./b', 'a./b', false],
    ['a'.repeat(255), 'a'.repeat(255), false],
    [`${'aaaaaaa/'.repeat(511)}aaaaaaaa`, `${'aaaaaaa/'.repeat(511)}aaaaaaaa`, false],
  ])('%s is the path %s', (name, expected, isDirectory) => {
    expect(path(name, isDirectory)).toBe(expected);
  });

  test.each([
    ['/etc', { code: 'tar_path_absolute', found: '/etc' }],
    ['a/', { code: 'tar_malformed', found: 'a/' }],
    ['a/../b', { code: 'tar_path_traversal', found: 'a/../b' }],
    ['a/./b', { code: 'tar_path_traversal', found: 'a/./b' }],
    ['a'.repeat(256), { code: 'tar_path_too_long', expected: 255 }],
    [`${'aaaaaaa/'.repeat(511)}aaaaaaaaa`, { code: 'tar_path_too_long', expected: 4096 }],
    ['a\0', { code: 'tar_malformed' }],
    [Buffer.from('ff', 'hex'), { code: 'tar_path_not_utf8', found: 'ff' }],
  ])('%s is refused', (name, expected) => {
    expect(() => path(name)).toThrow(expect.objectContaining(expected));
  });

  test('is checked by its bytes before it is quoted', () => {
    const message = (bytes: number) => {
      try {
        return path(Buffer.alloc(bytes, 0xff));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(message(4112)).toMatch(/is not UTF-8$/);
    expect(message(4113)).toBe('the entry has 4113 bytes, expected at most 4096');
  });

  test('is shown with at most 200 characters', () => {
    expect(shownMember(`/${'a'.repeat(193)}`)).toBe(`"rootfs/${'a'.repeat(193)}"`);
    expect(shownMember(`/${'a'.repeat(194)}`)).toBe(`"rootfs/${'a'.repeat(193)}…"`);
    expect(() => path(`/${'a'.repeat(199)}`)).toThrow(/^the entry "\/a{199}" is absolute/);
    expect(() => path(`/${'a'.repeat(200)}`)).toThrow(/^the entry "\/a{199}…" is absolute/);
  });
});

test('a target that is too long says how long it may be', () => {
  expect(() => symlinkTarget(Buffer.alloc(4096, 'a'), '/a')).toThrow(
    expect.objectContaining({ expected: 4095 }),
  );
});

test.each([
  ['a'.repeat(4095), 'accepted'],
  ['a'.repeat(4096), 'tar_path_too_long'],
  ['', 'tar_malformed'],
  ['a\0b', 'tar_malformed'],
  [Buffer.from('ff', 'hex'), 'tar_path_not_utf8'],
])('a symlink to %s: %s', (target, expected) => {
  const outcome = () => {
    try {
      symlinkTarget(Buffer.from(target as string), '/a');
      return 'accepted';
    } catch (error) {
      return (error as GantryError).code;
    }
  };
  expect(outcome()).toBe(expected);
});
