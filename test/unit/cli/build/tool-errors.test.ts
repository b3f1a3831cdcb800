import { describe, expect, test } from 'vitest';
import { findPlatform } from '../../../../cli/build/packages/platform.ts';
import { toolError } from '../../../../cli/build/packages/tool-errors.ts';
import { basePlatforms } from '../../../../shared/domain/modules/index.ts';

/** Lines that apt, dpkg, mmdebstrap and unshare print. */
const printed = [
  ['disk_full', 'dpkg-deb (subprocess): decompressing archive: No space left on device'],
  ['disk_full', "E: You don't have enough free space in /var/cache/apt/archives/."],
  [
    'archive_signature_invalid',
    'GPG error: InRelease: The following signatures couldn’t be verified: NO_PUBKEY 0E98404D386FA1D9',
  ],
  ['archive_signature_invalid', "E: The repository 'http://x bookworm InRelease' is not signed."],
  [
    'archive_signature_invalid',
    'E: Release file for http://x/InRelease is expired (invalid since 3d)',
  ],
  ['suite_unreachable', "E: Failed to fetch http://x/InRelease  Could not resolve 'x'"],
  ['suite_unreachable', "E: The repository 'http://x none Release' does not have a Release file."],
  [
    'script_failed',
    'installed redis package post-installation script subprocess returned error exit status 7',
  ],
  ['build_privileges', 'unshare: unshare failed: Operation not permitted'],
  ['build_privileges', 'E: invalid mode: cannot find newuidmap'],
  ['prerequisite_missing', 'E: install arch-test for foreign architecture support'],
  [
    'prerequisite_missing',
    'E: arm64 can neither be executed natively nor via qemu user emulation with binfmt_misc',
  ],
  ['packages_conflict', 'E: Unable to correct problems, you have held broken packages.'],
  ['build_failed', 'E: something else'],
] as const;

describe('what a tool prints', () => {
  test.each(printed)('means %s: %s', (code, line) => {
    const error = toolError('mmdebstrap', ['I: starting', line]);
    expect(error.code).toBe(code);
    expect(error.message).toContain(line);
  });

  test('of a script is quoted up to dpkg’s own sentence, and no more', () => {
    const script = Array.from({ length: 30 }, (_, at) => `line ${at}`);
    const dpkg = [
      'dpkg: error processing package redis (--configure):',
      ' installed redis package post-installation script subprocess returned error exit status 1',
    ];
    const error = toolError('mmdebstrap', [
      ...script,
      ...dpkg,
      'E: later',
      'E: much later',
      'E: end',
    ]);
    expect(error.message).toContain('line 29 | dpkg: error');
    expect(error.message).not.toContain('line 10 ');
    expect(error.message).not.toContain('E: end');
  });
});

describe('the platforms', () => {
  test('have archives, keys and an architecture, and no two names for one suite', () => {
    for (const [name, platform] of basePlatforms) {
      expect(name.endsWith(`-${platform.architecture}`)).toBe(true);
      expect(platform.archives.map(({ suite }) => suite)).toContain(platform.suite);
      expect(platform.keyring).toContain(platform.vendor);
    }
  });

  test('take another mirror, suite and keyring', () => {
    const flags = { mirrors: ['http://a/debian', 'http://b other'], keyring: '/k.gpg' };
    expect(findPlatform('debian-12-amd64', flags)).toMatchObject({
      archives: [
        { mirror: 'http://a/debian', suite: 'bookworm' },
        { mirror: 'http://b', suite: 'other' },
      ],
      keyring: '/k.gpg',
    });
    expect(() => findPlatform('debian-12', {})).toThrow(
      expect.objectContaining({ code: 'platform_unknown' }),
    );
  });
});
