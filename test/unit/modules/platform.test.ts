import { expect, it } from 'vitest';
import { servedPlatforms, servingPlatform } from '../../../shared/domain/modules/index.ts';

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

it('a refusal names the platforms that a template could have', () => {
  const registered = ['debian-12-arm64', 'debian-12-amd64'];
  expect(servedPlatforms({ registered, built: ['linux-arm64'] })).toEqual(['debian-12-arm64']);
  expect(servedPlatforms({ registered: [], built: ['any'] })).toEqual(['any']);
});
