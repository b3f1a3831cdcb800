import { expect, test } from 'vitest';
import { deviceMajorMinor, deviceNumber } from '../../../shared/artifact/device.ts';

test.each([
  [0, 0, 0],
  [1, 3, 0x103],
  [259, 513, 0x210301],
  [0xfff, 0xfffff, 0xffff_ffff],
])('the device %i:%i has the number %i', (major, minor, number) => {
  expect(deviceNumber(major, minor, '/a')).toBe(number);
  expect(deviceMajorMinor(number)).toEqual({ major, minor });
});

test.each([
  [0x1000, 0],
  [0, 0x10_0000],
])('a device %i:%i is refused', (major, minor) => {
  expect(() => deviceNumber(major, minor, '/a')).toThrow(
    expect.objectContaining({ code: 'tar_malformed' }),
  );
});
