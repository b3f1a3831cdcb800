import { describe, expect, test } from 'vitest';
import {
  packagesOfLayer,
  parseStanzas,
  parseStatus,
  recordFiles,
} from '../../../shared/packages/index.ts';

const status = `Package: zlib1g
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 1:1.2.13
Description: compression
 .
 A library.

Package: redis
Status: deinstall ok config-files
Architecture: amd64
Version: 5:7.0

Package: adduser
Status: hold ok installed
Architecture: all
Version: 3.134
`;

describe('the status database', () => {
  test('has the installed packages alone, in order of their names', () => {
    expect(parseStatus(status).map(({ name, version }) => `${name} ${version}`)).toEqual([
      'adduser 3.134',
      'zlib1g 1:1.2.13',
    ]);
  });

  test('a layer has packages that are new, and those with another version than below', () => {
    const full = parseStatus(status);
    const older = parseStatus(status.replace('3.134', '3.130'));
    expect(packagesOfLayer([], full)).toHaveLength(2);
    expect(packagesOfLayer(full, full)).toEqual([]);
    expect(packagesOfLayer(older, full).map(({ name }) => name)).toEqual(['adduser']);
  });

  test('a fragment keeps the whole paragraph, under a name for each architecture', () => {
    const fragments = recordFiles(parseStatus(status), []);
    expect([...fragments.keys()]).toEqual([
      '/var/lib/dpkg/status.d/adduser',
      '/var/lib/dpkg/status.d/zlib1g:amd64',
    ]);

    const [, zlib = ''] = [...fragments.values()];
    expect(zlib).toBe(`${status.split('\n\n')[0]}\n`);
  });

  test.each(['no field', ' continuation first', 'Field'])('refuses %j', (text) => {
    expect(() => parseStanzas(text, 'a file')).toThrow(
      expect.objectContaining({ code: 'io_error' }),
    );
  });
});
