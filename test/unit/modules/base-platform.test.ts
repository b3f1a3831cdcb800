import { expect, test } from 'vitest';
import { basePlatforms } from '../../../shared/domain/modules/index.ts';

test.each([
  [
    'debian-13-arm64',
    'http://deb.debian.org/debian trixie',
    'http://deb.debian.org/debian trixie-updates',
    'http://deb.debian.org/debian-security trixie-security',
  ],
  [
    'ubuntu-24.04-amd64',
    'http://archive.ubuntu.com/ubuntu noble',
    'http://archive.ubuntu.com/ubuntu noble-updates',
    'http://security.ubuntu.com/ubuntu noble-security',
  ],
  [
    'ubuntu-22.04-arm64',
    'http://ports.ubuntu.com/ubuntu-ports jammy',
    'http://ports.ubuntu.com/ubuntu-ports jammy-updates',
    'http://ports.ubuntu.com/ubuntu-ports jammy-security',
  ],
])('the packages of %s come from its distribution', (name, ...archives) => {
  const platform = basePlatforms.get(name);
  expect(platform?.archives.map(({ mirror, suite }) => `${mirror} ${suite}`)).toEqual(archives);
  expect(name).toBe(`${platform?.vendor}-${name.split('-')[1]}-${platform?.architecture}`);
  expect(archives[0]).toMatch(new RegExp(` ${platform?.suite}$`));
  expect(platform?.components).toEqual(
    platform?.vendor === 'debian' ? ['main', 'non-free-firmware'] : ['main', 'universe'],
  );
});
