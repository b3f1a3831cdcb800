import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { compose } from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { ancestorPaths, type TreeEntry } from '../../../shared/domain/files/index.ts';
import {
  type Contender,
  canConflict,
  cutConflicts,
  findConflicts,
  isRefused,
  parseManifest,
} from '../../../shared/manifest/index.ts';

interface Given {
  files?: string[];
  spec?: string[];
  protect?: string[];
  mask?: string[];
  packages?: string[];
  parent?: string;
  /** Those of `protect` that are granted as reservations. */
  reserve?: string[];
}

function contender(name: string, given: Given): Contender {
  const {
    files,
    spec = ['/**'],
    protect = [],
    mask = [],
    packages = [],
    parent,
    reserve = [],
  } = given;

  const text = JSON.stringify({
    schema_version: 1,
    name,
    file_spec: spec,
    protected_spec: protect,
    mask,
    package_spec: packages,
    ...(parent === undefined ? {} : { parent_module: parent }),
  });

  const { manifest } = parseManifest(text);
  return {
    module: `acme/${name}`,
    parent: parent === undefined ? null : `acme/${parent}`,
    priority: 90,
    manifest,
    granted_reservations: reserve,
    shipped: files ?? null,
  };
}

/** The conflicts as `kind path`, uncertain ones with a question mark. */
function between(own: Given, other: Given): string[] {
  const candidate = contender('own', own);
  const neighbour = contender('other', other);
  const conflicts = findConflicts(candidate, [neighbour]);
  if (conflicts.length > 0) expect(canConflict(candidate, neighbour)).toBe(true);

  return conflicts.map(({ kind, path, certain }) => `${kind} ${path}${certain ? '' : ' ?'}`);
}

const conf = '/etc/redis/redis.conf';

describe('conflicts of a manifest whose files are known', () => {
  test('both protect a path that both ship', () => {
    const side = { files: [conf, '/etc/other'], protect: ['/etc/redis/***'] };
    expect(between(side, { files: [conf], protect: ['redis.conf'] })).toEqual([
      `both_protect ${conf}`,
    ]);
  });

  test('a file would be dropped because the neighbour protects it, and the other way round', () => {
    expect(between({ files: [conf, '/etc/a'] }, { files: [conf], protect: [conf] })).toEqual([
      `would_be_dropped ${conf}`,
    ]);
    expect(between({ files: [conf], protect: [conf] }, { files: [conf, '/etc/a'] })).toEqual([
      `would_drop ${conf}`,
    ]);
  });

  test('patterns that match nothing shipped protect nothing', () => {
    expect(between({ files: ['/etc/a'] }, { files: [conf], protect: ['/etc/**'] })).toEqual([]);
    expect(between({ files: [conf], protect: ['/var/**'] }, { files: ['/var/x'] })).toEqual([]);
  });

  test('a file cannot replace a directory above a protected path', () => {
    expect(between({ files: ['/etc/redis'] }, { files: [conf], protect: [conf] })).toEqual([
      'would_be_dropped /etc/redis',
    ]);
    expect(between({ files: [conf], protect: [conf] }, { files: ['/etc/redis'] })).toEqual([
      'would_drop /etc/redis',
    ]);
  });

  test('a carve-out lifts only the protection of the parent', () => {
    const carver = { files: [conf], spec: [conf], mask: [conf] };
    const owner = { files: [conf], protect: [conf] };

    expect(between({ ...carver, parent: 'other' }, owner)).toEqual([]);
    expect(between({ ...carver, parent: 'third' }, owner)).toEqual([`would_be_dropped ${conf}`]);
    expect(between(owner, { ...carver, parent: 'own' })).toEqual([]);
  });

  test('a module has no conflict with its own versions', () => {
    const own = contender('own', { files: [conf], protect: [conf] });
    expect(findConflicts(own, [own])).toEqual([]);
  });
});

describe('granted reservations', () => {
  const vault = {
    files: ['/usr/bin/vault'],
    protect: ['/etc/vault/**'],
    reserve: ['/etc/vault/**'],
  };

  test("drop a neighbour's file that no other module ships, whichever module is the candidate", () => {
    const site = { files: ['/etc/vault/token'] };
    expect(between(site, vault)).toEqual(['would_be_dropped /etc/vault/token']);
    expect(between(vault, site)).toEqual(['would_drop /etc/vault/token']);
    expect(between(site, { ...vault, reserve: [] })).toEqual([]);
  });

  test('count for patterns of the manifest only', () => {
    expect(between({ files: ['/etc/vault/token'] }, { ...vault, protect: [] })).toEqual([]);
  });

  test('are reported by pattern when the files of the candidate are unknown', () => {
    expect(between({ spec: ['/etc/**'] }, vault)).toEqual(['would_be_dropped /etc/vault/** ?']);
    expect(between({ spec: ['/etc/vault/token'] }, vault)).toEqual([
      'would_be_dropped /etc/vault/token',
    ]);
    expect(between({ spec: ['/srv/**'] }, vault)).toEqual([]);
  });

  test('of one path for two modules cannot be composed', () => {
    const token = {
      files: ['/etc/a'],
      protect: ['/etc/vault/token'],
      reserve: ['/etc/vault/token'],
    };

    expect(between(token, token)).toEqual(['both_protect /etc/vault/token']);
    expect(between(token, vault)).toEqual(['both_protect /etc/vault/token']);
    expect(
      between(vault, { ...vault, protect: ['/etc/vault/*'], reserve: ['/etc/vault/*'] }),
    ).toEqual([]);
  });
});

describe('conflicts of a manifest by itself', () => {
  test('a path that file_spec names is certain, one that its wildcards match is not', () => {
    const owner = { files: [conf], protect: [conf] };
    expect(between({ spec: [conf] }, owner)).toEqual([`would_be_dropped ${conf}`]);
    expect(between({ spec: ['/etc/redis/**'] }, owner)).toEqual([`would_be_dropped ${conf} ?`]);
    expect(between({ spec: ['/etc/redis/**'], mask: ['redis.conf'] }, owner)).toEqual([]);
  });

  test('what a module with packages protects, its packages may ship', () => {
    const own = { spec: ['/etc/own'], packages: ['redis-server'], protect: [conf] };
    expect(between(own, { files: [conf], protect: [conf] })).toEqual([`both_protect ${conf} ?`]);
    expect(between(own, { files: [conf] })).toEqual([`would_drop ${conf} ?`]);
  });

  test('without files on both sides, only patterns that meet are reported', () => {
    const own = { spec: ['/etc/redis/**'], protect: ['/etc/redis/r*.conf'] };
    expect(between(own, { spec: ['/etc/redis/*'], protect: ['/etc/redis/*s.conf'] })).toEqual([
      'would_drop /etc/redis/* ?',
      'both_protect /etc/redis/*s.conf ?',
    ]);
    expect(between(own, { spec: ['/etc/nginx/*'], protect: ['/etc/redis/s*.conf'] })).toEqual([
      'would_be_dropped /etc/redis/s*.conf ?',
    ]);
    expect(between(own, { spec: ['/etc/nginx/*'], protect: ['/etc/nginx/*'] })).toEqual([]);
  });
});

test('the sentences name both modules, the path and what to do', () => {
  const own = contender('own', { files: [conf], protect: [conf] });
  const other = contender('other', { files: [conf], protect: [conf] });

  expect(findConflicts(own, [other])[0]?.message).toBe(
    `expected one module to protect "${conf}", found that acme/own and acme/other both do: they cannot be composed. ` +
      "Rename one's file, or carve it out in a config module of the other",
  );

  const dropped = findConflicts({ ...own, priority: 60 }, [contender('other', { files: [conf] })]);
  expect(dropped[0]?.message).toBe(
    `"${conf}" of acme/other would be dropped, because acme/own protects it, whichever ranks higher (acme/own 60, acme/other 90); ` +
      'to replace it, make acme/other a config module whose parent is acme/own, and write the path in both file_spec and mask of its manifest',
  );
});

test('of too many conflicts those that composition would refuse are listed before others, and the rest is counted', () => {
  const dropped = Array.from({ length: 10 }, (_, i) => `/etc/a${i}`);
  const own = contender('own', { files: [...dropped, '/etc/z'], protect: ['/etc/z'] });
  const found = findConflicts(own, [
    contender('other', { files: [...dropped, '/etc/z'], protect: ['/etc/**'] }),
  ]);
  const { conflicts, left } = cutConflicts(found, 3);

  expect(conflicts.map(({ path }) => path)).toEqual(['/etc/a0', '/etc/a1', '/etc/z']);
  expect([left, conflicts.filter(isRefused).length]).toEqual([8, 1]);
  expect(cutConflicts(found, 11)).toEqual({ conflicts: found, left: 0 });
});

describe('with known files, validate says what composition does (law)', () => {
  const paths = ['/a', '/b', '/d/a', '/d/b', '/d/e/a'];
  const patterns = ['/a', 'a', '/d/**', '/d/e/***', 'b', '/d/*'];

  const side = fc.record({
    files: fc.uniqueArray(fc.constantFrom(...paths), { minLength: 1 }),
    protect: fc.uniqueArray(fc.constantFrom(...patterns), { maxLength: 2 }),
    reserve: fc.uniqueArray(fc.constantFrom(...patterns), { maxLength: 1 }),
  });

  test('for any two modules', () => {
    fc.assert(
      fc.property(side, side, (ours, theirs) => {
        const found = between(ours, theirs);
        const told = (kind: string) =>
          found.filter((one) => one.startsWith(`${kind} `)).map((one) => one.split(' ')[1]);

        try {
          const { report } = compose([layerOf('own', ours), layerOf('other', theirs)]);
          const dropped = (name: string) =>
            report.dropped.filter(({ from }) => from === name).map(({ path }) => path);

          expect(told('both_protect')).toEqual([]);
          expect(told('would_be_dropped')).toEqual(dropped('acme/own'));
          expect(told('would_drop')).toEqual(dropped('acme/other'));
        } catch (error) {
          if (!isGantryError(error, 'composition_protected_conflict')) throw error;
          expect(told('both_protect')).not.toEqual([]);
        }
      }),
    );
  });
});

function layerOf(
  module: string,
  { files = [], protect = [], reserve = [] }: Given,
): CompositionLayer {
  const common = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0, size: 0 };
  const directories = new Set(['/', ...files.flatMap(ancestorPaths)]);

  const entries: TreeEntry[] = [
    ...[...directories].map(
      (path): TreeEntry => ({ ...common, path, type: 'directory', mode: 0o755 }),
    ),
    ...files.map((path): TreeEntry => ({ ...common, path, type: 'file', mode: 0o644 })),
  ];

  const digest = `sha256:${'0'.repeat(64)}`;
  return {
    account: 'acme',
    module,
    version: '1.0.0',
    version_id: module,
    digest,
    manifest_digest: digest,
    layer_digest: digest,
    layer_size: 0,
    composefs_digest: digest,
    variety: 'subscription',
    parent_module: null,
    priority: 90,
    protected_spec: protect,
    granted_reservations: reserve,
    file_spec: ['/**'],
    mask: [],
    entries,
  };
}
