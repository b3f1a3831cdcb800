import { describe, expect, test } from 'vitest';
import {
  compareLocked,
  formatLock,
  type LockSection,
  lockMismatch,
  parseLock,
} from '../../../shared/packages/index.ts';

const deb = (name: string, version = '1.0') => ({
  name,
  version,
  architecture: 'amd64',
  path: `pool/main/${name}_${version}_amd64.deb`,
  sha256: Buffer.from(`${name}${version}`.padEnd(32)).toString('hex'),
  size: 10,
});
const section: LockSection = {
  architecture: 'amd64',
  suite: 'bookworm',
  package_spec: ['redis-server'],
  options: { carve: false },
  requires: [{ module: 'base', version: null, digest: `sha256:${'a'.repeat(64)}` }],
  epoch: 1_700_000_000,
  accounts: { users: [], groups: [] },
  base: [deb('libc6')],
  packages: [deb('redis-server', '5:7.0~rc1-1'), deb('libc6')],
};
const lock = { lock_version: 1 as const, platforms: { 'debian-12-amd64': section } };

describe('the lock file', () => {
  test('reads back as it was written, sorted', () => {
    const text = formatLock(lock);
    const read = parseLock(text, 'module.lock.json').platforms['debian-12-amd64'];
    expect(read?.packages.map(({ name }) => name)).toEqual(['libc6', 'redis-server']);
    expect(formatLock(parseLock(text, 'module.lock.json'))).toBe(text);
    expect(text).not.toContain('://');
  });

  test.each([
    ['{', 'JSON'],
    ['{"lock_version":2,"platforms":{}}', 'lock_version'],
    [formatLock(lock).replace('pool/main', 'http://mirror/pool'), 'path'],
    [formatLock(lock).replace('pool/main', 'pool/../..'), 'path'],
    [formatLock(lock).replace('"libc6"', '"--purge"'), 'name'],
    [formatLock(lock).replace('"suite"', '"mirror"'), 'suite'],
  ])('refuses %.40s', (text, said) => {
    const parse = () => parseLock(text, 'module.lock.json');
    expect(parse).toThrow(expect.objectContaining({ code: 'lock_invalid' }));
    expect(parse).toThrow(said);
  });

  test.each([
    [{}, undefined],
    [{ package_spec: ['redis-server', 'redis-tools'] }, 'package_spec has redis-tools more'],
    [{ package_spec: ['redis'] }, 'package_spec has redis more and lacks redis-server'],
    [{ suite: 'trixie' }, 'made for bookworm amd64, the platform is trixie amd64'],
    [{ requires: [] }, 'required modules changed: lacks base'],
  ])('fits its inputs, or says why not: %j', (changed, said) => {
    const mismatch = lockMismatch(section, { ...section, ...changed });
    if (said === undefined) expect(mismatch).toBeUndefined();
    else expect(mismatch).toContain(said);
  });

  test('compares closures by package', () => {
    const before = [deb('a'), deb('b')];
    const { added, removed, changed } = compareLocked(before, [deb('b', '1.1'), deb('c')]);
    expect([added, removed].map((list) => list.map(({ name }) => name))).toEqual([['c'], ['a']]);
    expect(changed.map(({ after }) => after.version)).toEqual(['1.1']);
  });
});
