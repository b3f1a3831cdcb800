import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import {
  compose,
  indexOf,
  previewComposition,
  renderInstanceFiles,
  resolve,
} from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import {
  type Contender,
  canConflict,
  type ModuleManifest,
} from '../../../shared/manifest/index.ts';
import { moduleManifestSchema } from '../../../shared/manifest/schema.ts';
import { cpuMs } from '../../support/cpu.ts';
import { entry, layer, thrownBy, tree } from '../composition/factory.ts';
import { inputOf, type World } from '../composition/resolve-world.ts';

const secret = '/etc/ssl/private/key.pem';
const victim = layer('acme/tls', 10, [secret, '/etc/ssl/certs.d/'], {
  protected_spec: ['/etc/ssl/private/**', '/etc/ssl/certs.d/'],
});

/**
 * Who has the secret once a neighbour is composed with its owner, or the code by which they are
 * not.
 */
function outcome(
  evil: Partial<CompositionLayer>,
  paths: string[],
  priority: number,
): string | undefined {
  try {
    const { owners, entries } = compose([victim, layer('evil/x', priority, paths, evil)]);
    const found = entries.find(({ path }) => path === secret);
    return found?.type === 'file' ? owners.get(secret) : found?.type;
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
}

describe('a protected path', () => {
  const everything = { file_spec: ['/**', secret], mask: ['/**', secret] };
  const config = { ...everything, variety: 'config' as const };

  it.each<[string, Partial<CompositionLayer>, string[], string]>([
    ['by a file of higher rank', {}, [secret], 'acme/tls'],
    ['by a symlink', {}, [`${secret} -> /tmp/mine`], 'acme/tls'],
    [
      'by a whiteout',
      { entries: [...tree(['/etc/ssl/private/']), entry(secret, 'character', { rdev: 0 })] },
      [],
      'acme/tls',
    ],
    [
      'by a device',
      { entries: [...tree(['/etc/ssl/private/']), entry(secret, 'block', { rdev: 0x800 })] },
      [],
      'acme/tls',
    ],
    [
      'by a fifo',
      { entries: [...tree(['/etc/ssl/private/']), entry(secret, 'fifo')] },
      [],
      'acme/tls',
    ],
    ['by a directory', {}, [`${secret}/`], 'composition_type_conflict'],
    ['by what is below it', {}, [`${secret}/x`], 'composition_type_conflict'],
    ['by a symlink in place of an ancestor', {}, ['/etc/ssl -> /opt/evil'], 'acme/tls'],
    ['by a file in place of an ancestor', {}, ['/etc'], 'acme/tls'],
    [
      'by a symlink in place of a protected directory',
      {},
      ['/etc/ssl/certs.d -> /opt/evil'],
      'acme/tls',
    ],
    [
      'by an opaque ancestor',
      {
        entries: tree(['/etc/ssl/'], {}).map((one) => ({
          ...one,
          xattrs: { 'trusted.overlay.opaque': 'eQ==' },
        })),
      },
      [],
      'acme/tls',
    ],
    ['by a mask that hides everything', { mask: ['/**', secret] }, ['/a'], 'acme/tls'],
    [
      'by protecting it as well',
      { protected_spec: [secret] },
      [secret],
      'composition_protected_conflict',
    ],
    [
      'by protecting an ancestor as a file',
      { protected_spec: ['/etc/*'] },
      ['/etc/ssl'],
      'composition_protected_conflict',
    ],
    [
      'by protecting everything and shipping nothing of it',
      { protected_spec: ['/**', '**', '/***'] },
      ['/a'],
      'acme/tls',
    ],
    ['by a rendered file', { variety: 'instance' }, [secret], 'acme/tls'],
    ['by a carve-out without a parent', config, [secret], 'acme/tls'],
    [
      'by a carve-out from another parent',
      { ...config, parent_module: 'evil/tls' },
      [secret],
      'acme/tls',
    ],
    [
      'by a carve-out of a module that is not a config',
      { ...everything, parent_module: 'acme/tls' },
      [secret],
      'acme/tls',
    ],
    [
      'by a carve-out that puts a directory there',
      { ...config, parent_module: 'acme/tls' },
      [`${secret}/`],
      'composition_type_conflict',
    ],
    [
      'by a carve-out of a path nearby',
      { ...config, file_spec: ['key.pe?'], mask: ['key.p?m'], parent_module: 'acme/tls' },
      [secret],
      'acme/tls',
    ],
  ])('cannot be taken %s, above or below its owner', (_, evil, paths, expected) => {
    for (const priority of [0, 10, 1000]) expect(outcome(evil, paths, priority)).toBe(expected);
  });

  it('is not hidden from the report by another way to write its name', () => {
    const names = [
      '/etc/SSL/private/key.pem',
      '/etc/ssl/private/key.pem ',
      '/etc/ssl/private/ke\u0301y.pem',
      '/etc/ssl/private\n/key.pem',
    ];

    const { owners } = compose([victim, layer('evil/x', 1000, names)]);
    expect(
      [...owners]
        .filter(([, by]) => by === 'evil/x')
        .map(([path]) => path)
        .sort(),
    ).toEqual([...names].sort());

    expect(owners.get(secret)).toBe('acme/tls');
  });

  it.each([
    ['/etc/[a]/x', '/etc/[a]/x', false],
    ['/etc/\\[a\\]/x*', '/etc/[a]/x', true],
    ['/etc/new\nline', '/etc/new\nline', true],
    ['/etc/back\\slash', '/etc/back\\slash', true],
    ['/etc/caf\u00e9', '/etc/caf\u00e9', true],
    ['/etc/caf?', '/etc/caf\u00e9', false],
    ['**', '/.hidden', true],
  ])('that the pattern %j names is %j: %s', (pattern, path, protects) => {
    const { protected: found } = compose([
      layer('acme/x', 10, [path], { protected_spec: [pattern] }),
    ]);
    expect(found.some((one) => one.path === path)).toBe(protects);
  });
});

describe('patterns and paths that were made for each other', () => {
  const bits = (length: number, seed: number) =>
    Array.from({ length }, (_, i) =>
      (Math.imul(i + seed, 2654435761) >>> 16) % 3 === 0 ? 'a' : 'b',
    ).join('');
  const many = Array.from({ length: 4000 }, (_, i) => `/${bits(200, i * 977)}`);

  it.each([
    ['stars', Array.from({ length: 40 }, (_, i) => `*${bits(1000, i).split('').join('*')}${i}`)],
    ['sets of positions', Array.from({ length: 40 }, (_, i) => `*a${'?'.repeat(150 + i)}*z`)],
    ['patterns that match nothing', ['/**', ...Array.from({ length: 30_000 }, (_, i) => `zz${i}`)]],
  ])(
    'cannot hold up a composition: %s',
    (_, protected_spec) => {
      const error = thrownBy(() => compose([layer('evil/x', 10, many, { protected_spec })]));
      expect(isGantryError(error) ? error.code : error).toBeOneOf([undefined, 'glob_too_complex']);
    },
    30_000,
  );

  it('cannot hold up who asks whether a manifest conflicts', () => {
    const contender = (module: string, globs: Partial<ModuleManifest>): Contender => ({
      module,
      parent: null,
      priority: 10,
      manifest: moduleManifestSchema.parse({
        schema_version: 1,
        name: 'x',
        file_spec: ['/a'],
        ...globs,
      }),
      granted_reservations: [],
      shipped: null,
    });

    const file_spec = Array.from(
      { length: 200 },
      (_, i) => `/*${bits(1000, i).split('').join('*')}*y`,
    );
    const protected_spec = Array.from({ length: 20 }, (_, i) => `/*${'?'.repeat(50 + i)}[c-x]/*y`);
    const started = cpuMs();

    canConflict(contender('evil/x', { file_spec }), contender('acme/y', { protected_spec }));
    expect(cpuMs() - started).toBeLessThan(15_000);
  }, 30_000);

  it('cannot fill the report with warnings', () => {
    const protected_spec = Array.from({ length: 30_000 }, (_, i) => `zz${i}`);
    expect(
      compose([layer('evil/x', 10, ['/a'], { protected_spec })]).report.warnings.length,
    ).toBeLessThan(110);
  });
});

describe('a module that names packages over and over', () => {
  it('cannot hold up a preview, nor make its answer too long to be sent', () => {
    const package_spec = Array.from({ length: 40_000 }, (_, i) => `p${i % 20_000}`);
    const after = Array.from({ length: 20 }, (_, i) =>
      layer(`evil/x${i}`, 10, ['/a'], { package_spec }),
    );
    const bounds = { listMax: 1000, listBytesMax: 400_000 };
    const { packages, counts } = previewComposition(null, indexOf(compose(after)), bounds);

    expect(counts.packages_added).toBe(20_000);
    expect(JSON.stringify(packages).length).toBeLessThan(500_000);
  }, 20_000);
});

describe('versions that require the same over and over', () => {
  it('cannot hold up the resolver', () => {
    const again = Array.from({ length: 5000 }, (_, i) => `evil/c@>=2.0.${i}`);
    const versions = (requires: string[]) =>
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`1.${300 - i}.0`, requires]));

    const world: World = {
      'evil/a': versions(['evil/b@*', ...again]),
      'evil/b': versions(['evil/c@*', ...again]),
      'evil/c': versions([]),
    };

    const started = cpuMs();
    const error = thrownBy(() => resolve(inputOf(world, ['evil/a', 'evil/b'])));

    expect(isGantryError(error) && error.code).toBeOneOf([
      'composition_unsatisfied',
      'composition_too_complex',
    ]);
    expect(cpuMs() - started).toBeLessThan(20_000);
  }, 60_000);
});

describe('a bare name', () => {
  const web = { '1.0.0': ['ntp@*'] };
  const chrony = { '1.0.0': ['provides ntp'] };
  const world: World = { 'acme/web': web, 'acme/chrony': chrony, 'evil/x': { '1.0.0': [] } };
  const assigned = ['acme/web', 'evil/x'];

  const modulesOf = (
    changed: World,
    previous = resolve(inputOf(world, assigned)).record,
    more: string[] = [],
  ) =>
    resolve({ ...inputOf({ ...world, ...changed }, [...assigned, ...more]), previous }).modules.map(
      ({ module }) => module,
    );

  it('cannot be taken from who provides it by an assigned module of another account that begins to provide it', () => {
    expect(modulesOf({ 'evil/x': { '1.1.0': ['provides ntp'], '1.0.0': [] } })).toContain(
      'acme/chrony',
    );
  });

  it('goes to a module that is assigned for it', () => {
    expect(modulesOf({ 'acme/openntpd': chrony }, undefined, ['acme/openntpd'])).not.toContain(
      'acme/chrony',
    );
  });

  it.each(['acme/ntp', 'powernode/ntp'])(
    'cannot be taken by registering %s, which has no version',
    (name) => {
      const registered = { [name]: {}, 'evil/x': { '1.1.0': [] } };
      expect(modulesOf(registered)).toEqual(['acme/chrony', 'acme/web', 'evil/x']);
    },
  );
});

describe('a module of another account', () => {
  const tls = { '2.0.0': [], '1.0.0 superseded': [] };
  const world: World = {
    'acme/tls': tls,
    'other/tls': tls,
    'acme/old': { '1.0.0': ['acme/tls@^1'] },
    'evil/own': { '1.0.0': ['acme/tls@^1'] },
    'evil/other': { '1.0.0': ['other/tls@^1'] },
  };

  const outcomeOf = (...assigned: string[]) => {
    try {
      return resolve(inputOf(world, assigned)).modules.find(({ module }) => module.endsWith('/tls'))
        ?.choice.version_string;
    } catch (error) {
      return isGantryError(error) ? error.code : error;
    }
  };

  it.each([
    [['acme/tls', 'evil/own'], 'composition_unsatisfied'],
    [['evil/own'], 'composition_unsatisfied'],
    [['other/tls', 'evil/other'], 'composition_unsatisfied'],
    [['evil/other'], '1.0.0'],
    [['other/tls@^1', 'evil/other'], '1.0.0'],
    [['acme/tls', 'acme/old'], '1.0.0'],
  ])(
    'cannot take what was superseded back onto machines against their operators: %j is %s',
    (assigned, expected) => {
      expect(outcomeOf(...assigned)).toBe(expected);
    },
  );
});

describe('a file that is rendered', () => {
  const files = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      module: 'evil/x',
      entry: entry(`/etc/${i}`, 'file', { size: 1 }),
    }));

  const of = (text: string) => () => Buffer.from(text);

  it.each([
    ['many long values', 1, '${instance.a}'.repeat(100_000)],
    ['many files', 2000, '${instance.a}'.repeat(10)],
    ['no values', 1, 'x'.repeat(9 * 1024 ** 2)],
  ])('cannot exhaust the worker that renders it: %s', (_, count, text) => {
    const error = thrownBy(() =>
      renderInstanceFiles(files(count), of(text), { a: 'v'.repeat(4096) }),
    );
    expect(error).toMatchObject({ code: 'composition_too_large' });
  });

  it('cannot ask for what every object has, nor have a value looked at again', () => {
    const metadata = { a: '${instance.b}', b: 'secret' };
    const [rendered] = renderInstanceFiles(files(1), of('${instance.a}'), metadata);

    expect(Buffer.from(rendered?.content ?? '', 'base64').toString()).toBe('${instance.b}');
    for (const key of ['constructor', '__proto__', 'toString', 'a.b', '../b', 'b\u0000']) {
      const error = thrownBy(() =>
        renderInstanceFiles(files(1), of(`\${instance.${key}}`), metadata),
      );
      expect(error === undefined || isGantryError(error, 'instance_metadata_missing')).toBe(true);
    }
  });
});
