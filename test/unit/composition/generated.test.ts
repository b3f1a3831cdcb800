import { expect, it } from 'vitest';
import { compose, withGenerated } from '../../../shared/composition/index.ts';
import { entry, generatedService, layer } from './factory.ts';

const service = generatedService('api');

it('the generated layer adds, replaces and removes entries, and owns what it makes', () => {
  const composition = compose([
    layer('acme/web', 90, ['/etc/gone', '/etc/old/', '/etc/passwd', '/srv/', '/usr/bin -> /bin']),
  ]);
  const made = withGenerated(composition, {
    entries: [
      entry('/usr/lib', 'directory'),
      entry('/etc/new'),
      entry('/etc/passwd', 'file', { size: 5 }),
      entry('/srv', 'symlink', { target: '/data' }),
      entry('/usr/bin', 'directory', { mode: 0o700 }),
    ],
    removed: ['/etc/gone', '/etc/old'],
    services: [service],
    warnings: ['odd'],
  });

  expect(made.entries.map(({ path, type }) => [path, type])).toEqual([
    ['/', 'directory'],
    ['/etc', 'directory'],
    ['/etc/new', 'file'],
    ['/etc/passwd', 'file'],
    ['/srv', 'symlink'],
    ['/usr', 'directory'],
    ['/usr/bin', 'directory'],
    ['/usr/lib', 'directory'],
  ]);
  expect(made.entries[3]?.size).toBe(5);
  expect(Object.fromEntries(made.owners)).toEqual({
    '/etc/new': 'generated',
    '/etc/passwd': 'generated',
    '/srv': 'generated',
  });
  expect(Object.fromEntries(made.shapers)).toEqual({
    '/': 'acme/web',
    '/etc': 'acme/web',
    '/usr': 'acme/web',
    '/usr/bin': 'generated',
    '/usr/lib': 'generated',
  });
  expect(made.services).toEqual([service]);
  expect(made.report).toEqual({ ...composition.report, warnings: ['odd'] });
  expect(made.layers).toBe(composition.layers);
});
