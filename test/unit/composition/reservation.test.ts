import { describe, expect, it } from 'vitest';
import { compose } from '../../../shared/composition/index.ts';
import { layer, thrownBy } from './factory.ts';

describe('a granted reservation', () => {
  const vault = (more: object = {}) =>
    layer('acme/vault', 50, ['/usr/bin/vault'], {
      protected_spec: ['/etc/vault/**'],
      granted_reservations: ['/etc/vault/**'],
      ...more,
    });

  it.each([10, 90])(
    "drops neighbours' files at paths that the module does not ship (neighbour at %i)",
    (priority) => {
      const site = layer('acme/site', priority, [
        '/etc/vault/token',
        '/etc/vault/link -> /tmp',
        '/etc/other',
      ]);

      const { owners, report } = compose([vault(), site]);
      expect([...owners.keys()]).toEqual(['/etc/other', '/usr/bin/vault']);
      expect(report.dropped).toEqual([
        { path: '/etc/vault/link', from: 'acme/site', because_of: 'acme/vault' },
        { path: '/etc/vault/token', from: 'acme/site', because_of: 'acme/vault' },
      ]);
      expect(report.layers.find(({ name }) => name === 'acme/site')?.effective_mask).toHaveLength(
        2,
      );
      expect(report.warnings).toEqual([]);
    },
  );

  it('without the grant is a pattern that protects nothing, and a warning', () => {
    const { report } = compose([
      vault({ granted_reservations: [] }),
      layer('acme/site', 10, ['/etc/vault/token']),
    ]);
    expect(report.dropped).toEqual([]);
    expect(report.warnings).toHaveLength(1);
  });

  it('leaves directories and the own files of the module', () => {
    const shipped = layer('acme/vault', 50, ['/etc/vault/a'], {
      protected_spec: ['/etc/vault/**'],
      granted_reservations: ['/etc/vault/**'],
    });
    const { owners, entries } = compose([shipped, layer('acme/site', 90, ['/etc/vault/d/'])]);

    expect([...owners.keys()]).toEqual(['/etc/vault/a']);
    expect(entries.map(({ path }) => path)).toContain('/etc/vault/d');
  });

  it('for a pattern that the version does not have reserves nothing, and is a warning', () => {
    const { owners, report } = compose([
      vault({ protected_spec: [] }),
      layer('acme/site', 10, ['/etc/vault/token']),
    ]);
    expect(owners.get('/etc/vault/token')).toBe('acme/site');
    expect(report.warnings).toEqual([
      'reservation "/etc/vault/**" is granted to acme/vault, but 1.0.0 does not ask for it',
    ]);
  });

  it('clashes with a file that another module ships and protects there', () => {
    const site = layer('acme/site', 10, ['/etc/vault/token'], {
      protected_spec: ['/etc/vault/token'],
    });
    expect(thrownBy(() => compose([vault(), site]))).toMatchObject({
      code: 'composition_protected_conflict',
      details: [{ path: '/etc/vault/token', modules: ['acme/site', 'acme/vault'] }],
    });
  });

  it.each([['/etc/vault/token'], ['/etc/vault/*']])(
    'of a path that is reserved for another by %s is refused',
    (theirs) => {
      const token = layer('acme/token', 10, [], {
        protected_spec: ['/etc/vault/token'],
        granted_reservations: ['/etc/vault/token'],
      });
      const other = vault({ protected_spec: [theirs], granted_reservations: [theirs] });

      expect(thrownBy(() => compose([token, other]))).toMatchObject({
        code: 'composition_protected_conflict',
        details: [{ path: '/etc/vault/token', modules: ['acme/token', 'acme/vault'] }],
      });
    },
  );

  it('by patterns that overlap only warns', () => {
    const other = layer('acme/other', 10, [], {
      protected_spec: ['/etc/**'],
      granted_reservations: ['/etc/**'],
    });
    expect(compose([vault(), other]).report.warnings).toEqual([expect.stringContaining('overlap')]);
  });

  it('is carved out by a config module of its holder', () => {
    const child = layer('acme/vault-token', 52, ['/etc/vault/token'], {
      variety: 'config',
      parent_module: 'acme/vault',
      file_spec: ['/etc/vault/token'],
      mask: ['/etc/vault/token'],
    });

    const { owners, report } = compose([vault(), child]);
    expect(owners.get('/etc/vault/token')).toBe('acme/vault-token');
    expect(report.carved_out).toEqual([
      { path: '/etc/vault/token', from: 'acme/vault', by: 'acme/vault-token' },
    ]);
  });

  const holder = (pattern: string, paths: string[] = []) =>
    layer('acme/holder', 50, paths, {
      protected_spec: [pattern],
      granted_reservations: [pattern],
    });

  it.each([
    ['/etc/app/key', '/etc/app -> /tmp'],
    ['/var/lib/redis/**', '/var/lib/redis -> /home/evil'],
    ['/var/lib/redis/**', '/var/lib -> /home/evil'],
    ['/srv/db/***', '/srv/db -> /tmp'],
    ['/srv/db/', '/srv/db -> /tmp'],
    ['/srv/*/data', '/srv/any -> /tmp'],
    ['/srv/*/data', '/srv'],
    ['/srv/a/**/b/c', '/srv/a'],
  ])('of %s keeps what must be a directory from being %s', (pattern, path) => {
    for (const priority of [10, 90]) {
      const { owners, report } = compose([
        holder(pattern),
        layer('acme/evil', priority, [path, '/etc/other']),
      ]);
      expect([...owners.keys()]).toEqual(['/etc/other']);
      expect(report.dropped).toEqual([
        { path: path.split(' ')[0], from: 'acme/evil', because_of: 'acme/holder' },
      ]);
    }
  });

  it.each([
    ['key', '/etc/app'],
    ['**/key', '/etc'],
    ['/srv/a/**/b/c', '/srv/a/x'],
    ['/srv/*/data', '/srv/a/b'],
  ])('of %s leaves %s alone', (pattern, path) => {
    const { owners } = compose([holder(pattern), layer('acme/site', 90, [path])]);
    expect([...owners.keys()]).toEqual([path]);
  });

  it('of one path is for a file: a directory of a neighbour there is refused', () => {
    const reserving = holder('/etc/app/key');
    for (const path of ['/etc/app/key/', '/etc/app/key/below']) {
      expect(thrownBy(() => compose([reserving, layer('acme/evil', 10, [path])]))).toMatchObject({
        code: 'composition_type_conflict',
        details: [{ path: '/etc/app/key', directory: 'acme/evil', file: 'acme/holder' }],
      });
    }

    const shipped = holder('/etc/app', ['/etc/app/']);
    const { owners } = compose([shipped, layer('acme/site', 10, ['/etc/app/below'])]);
    expect([...owners.keys()]).toEqual(['/etc/app/below']);
  });

  it.each([['/etc/app/key'], ['/etc/app/**'], ['/etc/app/'], ['/etc/*/key']])(
    'of a file where %s of another needs a directory is refused',
    (pattern) => {
      const other = layer('acme/other', 10, [], {
        protected_spec: ['/etc/app'],
        granted_reservations: ['/etc/app'],
      });
      expect(thrownBy(() => compose([holder(pattern), other]))).toMatchObject({
        code: 'composition_protected_conflict',
        details: [{ path: '/etc/app', modules: ['acme/other', 'acme/holder'] }],
      });
    },
  );

  it('clashes with a protected file where it needs a directory', () => {
    const site = layer('acme/site', 10, ['/etc/app'], { protected_spec: ['/etc/app'] });
    expect(thrownBy(() => compose([holder('/etc/app/key'), site]))).toMatchObject({
      code: 'composition_protected_conflict',
      details: [{ path: '/etc/app', modules: ['acme/site', 'acme/holder'] }],
    });
  });
});
