import { tarMalformed } from './tar-header.ts';

/** Linux's 32-bit device number (`new_encode_dev`): 12 bits of major, 20 of minor. */
export function deviceNumber(major: number, minor: number, path: string): number {
  if (major > 0xfff || minor > 0xfffff) {
    throw tarMalformed(
      `"rootfs${path}" is device ${major}:${minor}, expected at most ${0xfff}:${0xfffff}`,
    );
  }
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The inverse of `deviceNumber`. */
export function deviceMajorMinor(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
