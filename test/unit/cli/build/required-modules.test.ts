import { expect, test } from 'vitest';
import {
  isReference,
  type RequiredModule,
} from '../../../../cli/build/packages/required-modules.ts';
import { sameSources } from '../../../../cli/build/packages/resolve-lock.ts';
import { proxiesOfTools } from '../../../../cli/build/packages/run-tool.ts';
import { parseManifest } from '../../../../shared/manifest/index.ts';

const { manifest } = parseManifest('name: base\npackage_spec: [bash]\n');
const directory: RequiredModule = {
  name: 'base',
  manifest,
  version: null,
  digest: `sha256:${'1'.repeat(64)}`,
  locked: [],
  specs: [],
};
const ofRegistry = { module: 'base', version: 'v1.0.0', digest: `sha256:${'2'.repeat(64)}` };
const ofDirectory = { module: 'base', version: null, digest: directory.digest };

test.each([
  ['keeps the locked one before a directory beside', ofRegistry, {}, ofRegistry],
  ['takes the directory that is given by any name', ofRegistry, { isGiven: true }, ofDirectory],
  ['takes the directory where the lock has one', ofDirectory, {}, ofDirectory],
])('a build %s', (_, locked, given, expected) => {
  expect(sameSources({ requires: [locked] }, [{ ...directory, ...given }])).toEqual([expected]);
});

test.each([
  ['ghcr.io/acme/base:v1.0.0', true],
  [`ghcr.io/acme/base@sha256:${'1'.repeat(64)}`, true],
  ['ghcr.io/acme/base', false],
  ['localhost:5000/acme/base', false],
  ['./base:v1', false],
  ['../base', false],
  ['base', false],
])('%s as a reference: %s', (place, expected) => {
  expect(isReference(place)).toBe(expected);
});

test('the tools get proxies in the one form that apt reads', () => {
  const env = { HTTP_PROXY: 'http://a.test:1', https_proxy: 'socks5://b.test:2', NO_PROXY: '' };
  expect(proxiesOfTools(env)).toEqual({
    http_proxy: 'http://a.test:1',
    https_proxy: 'socks5h://b.test:2',
    no_proxy: '',
  });
});
