import { describe, expect, it } from 'vitest';
import type { UnitInput } from '../../../shared/units/index.ts';
import { fileEntry } from '../../support/trees.ts';
import { generate, type ModuleOptions } from './factory.ts';

const api = { name: 'api', start_command: '/usr/bin/env', user: 'www-data' };
const web: ModuleOptions = {
  manifest: { services: [api] },
  files: { '/etc/web.conf': 'a', '/var/lib/web/x': 'a' },
};
const child: ModuleOptions = {
  module: 'web-config',
  parent_module: 'acme/web',
  files: { '/etc/web.d/extra.conf': 'a' },
};

const digest = (modules: ModuleOptions[], options: Partial<UnitInput> = {}) =>
  generate(modules, options).services[0]?.digest;
const before = digest([web, child]);

describe('the digest of a service', () => {
  it.each<[string, ModuleOptions[]]>([
    ['the unit', [{ ...web, manifest: { services: [{ ...api, env: { A: 1 } }] } }, child]],
    ['a file of the module', [{ ...web, files: { ...web.files, '/etc/web.conf': 'b' } }, child]],
    ['a file that goes', [{ ...web, files: {} }, child]],
    [
      'a file that another module replaces',
      [web, child, { module: 'z', files: { '/etc/web.conf': 'b' } }],
    ],
    ['a file of a config child', [web, { ...child, files: { '/etc/web.d/extra.conf': 'b' } }]],
    [
      'the mode of a file',
      [{ ...web, entries: [fileEntry('/etc/web.conf', Buffer.from('a'), { mode: 0o600 })] }, child],
    ],
    [
      'the number of its user',
      [{ ...web, manifest: { services: [{ ...api, user: 'root' }] } }, child],
    ],
  ])('changes with %s', (_, modules) => {
    expect(digest(modules)).not.toBe(before);
  });

  it.each<[string, ModuleOptions[]]>([
    ['the version of the module', [{ ...web, version: '2.0.0' }, child]],
    [
      'the time of a file',
      [{ ...web, entries: [fileEntry('/etc/web.conf', Buffer.from('a'), { mtime: 1 })] }, child],
    ],
    [
      'what the machine keeps below /var',
      [{ ...web, files: { ...web.files, '/var/lib/web/x': 'b' } }, child],
    ],
    ['a file of another module', [web, child, { module: 'z', files: { '/etc/z.conf': 'b' } }]],
    [
      'the layer that a file comes from',
      [web, child, { module: 'z', entries: [fileEntry('/etc/web.conf', Buffer.from('a'))] }],
    ],
  ])('does not change with %s', (_, modules) => {
    expect(digest(modules)).toBe(before);
  });

  it('changes with what is rendered for the machine', () => {
    const rendered = (content: string) => [
      {
        path: '/etc/web.conf',
        module: 'acme/host',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        content,
      },
    ];
    const first = digest([web, child], { rendered_files: rendered('YQ==') });
    expect(first).not.toBe(before);
    expect(digest([web, child], { rendered_files: rendered('Yg==') })).not.toBe(first);
  });
});
