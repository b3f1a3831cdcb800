import { expect, it } from 'vitest';
import {
  nameOciPlatform,
  servedPlatforms,
  servingPlatform,
} from '../../../shared/domain/modules/index.ts';

const wanted = 'ubuntu-24.04-amd64';

it.each([
  ['a build for it', [], ['any', 'linux-amd64', wanted], wanted],
  ['a build for its architecture', [], ['any', 'linux-amd64'], 'linux-amd64'],
  ['a build for any', [], ['any', 'linux-arm64'], 'any'],
  ['no build for another', [], ['linux-arm64', 'debian-12-amd64'], null],
  ['no build of a similar name', [], ['ubuntu-24.04-amd6', '24.04-amd64', 'amd64'], null],
  ['a build that the registration names', [wanted, 'debian-12-arm64'], ['any'], 'any'],
  ['a build whose architecture the registration names', ['linux-amd64'], ['any'], 'any'],
  ['no build that the registration excludes', ['debian-12-arm64'], ['any', wanted], null],
])('a template is served by %s', (_what, registered, built, serving) => {
  expect(servingPlatform({ registered, built }, wanted)).toBe(serving);
});

// moby/moby#37647, #41017; docker/buildx#304: arm/v6 and arm/v7 in one index.
it.each([
  ['debian-12-armhf', ['linux-arm-v6', 'linux-arm-v7'], 'linux-arm-v7'],
  ['debian-12-armhf', ['linux-arm-v6', 'linux-arm'], 'linux-arm'],
  ['debian-12-armhf', ['linux-arm-v6', 'linux-arm-v5'], 'linux-arm-v6'],
  ['debian-12-armhf', ['linux-arm-v8', 'linux-arm64'], null],
  ['debian-12-armel', ['linux-arm-v6', 'linux-arm-v7'], 'linux-arm-v6'],
  ['debian-12-armel', ['linux-arm-v7', 'linux-arm'], null],
  ['alpine-3.20-arm-v6', ['linux-arm-v5', 'linux-arm-v7'], 'linux-arm-v5'],
  ['alpine-3.20-armv7', ['linux-arm-v7'], 'linux-arm-v7'],
  ['alpine-3.20-arm', ['linux-arm-v7', 'linux-arm'], 'linux-arm'],
  ['debian-12-arm64', ['linux-arm-v7', 'linux-arm64'], 'linux-arm64'],
  ['debian-12-arm64', ['linux-arm64-v9'], null],
  ['ubuntu-24.04-amd64', ['linux-amd64-v3'], null],
  ['ubuntu-24.04-amd64-v3', ['linux-amd64-v2', 'linux-amd64'], 'linux-amd64-v2'],
  ['ubuntu-24.04-amd64', ['windows-amd64', 'windows-amd64-10.0.17763.1'], null],
  ['debian-12-i386', ['linux-386'], 'linux-386'],
  ['debian-12-ppc64el', ['linux-ppc64le'], 'linux-ppc64le'],
  ['debian-12-riscv64', ['linux-riscv64'], 'linux-riscv64'],
  ['debian-12-constructor', ['linux-constructor'], 'linux-constructor'],
])('a template for %s takes of %j the build for %s', (wanted, built, serving) => {
  expect(servingPlatform({ registered: [], built }, wanted)).toBe(serving);
});

it.each([
  [{ os: 'linux', architecture: 'arm', variant: 'v6' }, 'linux-arm-v6'],
  [{ os: 'linux', architecture: 'arm', variant: '7' }, 'linux-arm-v7'],
  [{ os: 'linux', architecture: 'arm' }, 'linux-arm'],
  [{ os: 'linux', architecture: 'armhf' }, 'linux-arm-v7'],
  [{ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'linux-arm64'],
  [{ os: 'linux', architecture: 'aarch64', variant: null }, 'linux-arm64'],
  [{ os: 'linux', architecture: 'amd64', variant: '' }, 'linux-amd64'],
  [{ os: 'linux', architecture: 'amd64', osVersion: '6.1' }, 'linux-amd64'],
  [
    { os: 'windows', architecture: 'amd64', osVersion: '10.0.17763.1999' },
    'windows-amd64-10.0.17763.1999',
  ],
])('the OCI platform %j is named %s', (platform, name) => {
  expect(nameOciPlatform(platform)).toBe(name);
});

it('a refusal names the platforms that a template could have', () => {
  const registered = ['debian-12-arm64', 'debian-12-amd64'];
  expect(servedPlatforms({ registered, built: ['linux-arm64'] })).toEqual(['debian-12-arm64']);
  expect(servedPlatforms({ registered: [], built: ['any'] })).toEqual(['any']);
});
