import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { compose } from '../../../shared/composition/index.ts';
import { cpuMs } from '../../support/cpu.ts';
import { entry, layer, thrownBy } from './factory.ts';

const shadow = { protected_spec: ['/etc/shadow'] };

describe('protected_spec', () => {
  it.each([
    ['above', 90],
    ['below', 1],
  ])("drops a neighbour's file %s and says from whom and because of whom", (_case, priority) => {
    const composition = compose([
      layer('acme/base', 10, ['/etc/shadow'], shadow),
      layer('acme/site', priority, ['/etc/shadow', '/etc/site']),
    ]);
    expect(composition.owners.get('/etc/shadow')).toBe('acme/base');
    expect(composition.report.dropped).toEqual([
      { path: '/etc/shadow', from: 'acme/site', because_of: 'acme/base' },
    ]);
    expect(composition.report.shadowed).toEqual([]);

    expect(composition.effective_masks).toEqual(
      new Map([
        ['acme/base', []],
        ['acme/site', ['/etc/shadow']],
      ]),
    );
  });

  it('protects shipped paths only: a neighbour may add files that match', () => {
    const composition = compose([
      layer('acme/base', 10, ['/etc/nginx/a.conf'], { protected_spec: ['/etc/nginx/**'] }),
      layer('acme/site', 5, ['/etc/nginx/a.conf', '/etc/nginx/b.conf']),
    ]);
    expect(Object.fromEntries(composition.owners)).toEqual({
      '/etc/nginx/a.conf': 'acme/base',
      '/etc/nginx/b.conf': 'acme/site',
    });
  });

  it.each(['/etc/ssl', '/etc', '/etc/ssl -> /tmp'])(
    'protects each ancestor as a directory: drops %s',
    (path) => {
      const composition = compose([
        layer('acme/base', 10, ['/etc/ssl/key'], { protected_spec: ['/etc/ssl/key'] }),
        layer('acme/site', 90, [path]),
      ]);
      expect(composition.owners).toEqual(new Map([['/etc/ssl/key', 'acme/base']]));
      expect(composition.report.dropped).toEqual([
        { path: path.split(' ')[0], from: 'acme/site', because_of: 'acme/base' },
      ]);
    },
  );

  it('merges the attributes of ancestors as those of other directories', () => {
    const site = layer('acme/site', 90, []);
    site.entries.push(entry('/etc', 'directory', { mode: 0o700 }));
    const composition = compose([layer('acme/base', 10, ['/etc/shadow'], shadow), site]);
    expect(composition.entries.find((one) => one.path === '/etc')?.mode).toBe(0o700);
  });

  it.each([90, 1])(
    'keeps the attributes of a directory that a pattern itself matches (neighbour at %i)',
    (priority) => {
      const base = layer('acme/base', 10, [], { protected_spec: ['/vault/'] });
      base.entries.push(entry('/vault', 'directory', { mode: 0o700 }));

      const composition = compose([base, layer('acme/site', priority, ['/vault/notes'])]);
      expect(composition.entries.find((one) => one.path === '/vault')?.mode).toBe(0o700);
      expect(composition.owners.get('/vault/notes')).toBe('acme/site');
      expect(composition.report.dropped).toEqual([]);
    },
  );

  it("clashes with a neighbour's directory at a protected file", () => {
    const base = layer('acme/base', 10, ['/etc/shadow'], shadow);
    expect(thrownBy(() => compose([base, layer('acme/site', 1, ['/etc/shadow/x'])]))).toMatchObject(
      {
        code: 'composition_type_conflict',
      },
    );
  });

  it('warns of patterns that protect nothing, or directories without their files', () => {
    const base = layer('acme/base', 10, ['/etc/nginx/a'], {
      protected_spec: ['/etc/none', '/etc/nginx', '/etc/nginx/a'],
    });
    expect(compose([base]).report.warnings).toEqual([
      'protected_spec "/etc/none" of acme/base 1.0.0 matches nothing that the module ships, so it protects nothing',
      'protected_spec "/etc/nginx" of acme/base 1.0.0 protects directories only, not the files in them: end it with /*** to protect those too',
    ]);
  });
});

describe('two modules that protect the same path', () => {
  it('are a conflict whose sentence names the path and both', () => {
    const layers = [
      layer('acme/a', 1, ['/etc/shadow'], shadow),
      layer('acme/b', 2, ['/etc/shadow'], shadow),
    ];
    expect(thrownBy(() => compose(layers))).toMatchObject({
      code: 'composition_protected_conflict',
      message:
        'expected one module to protect "/etc/shadow", found that both acme/a and acme/b do. ' +
        "Rename one's file, or carve it out in a config module of the other",
      details: [{ path: '/etc/shadow', modules: ['acme/a', 'acme/b'] }],
    });
  });

  it('are no conflict where only their patterns overlap', () => {
    const protect = { protected_spec: ['/etc/nginx/**'] };
    const layers = [
      layer('acme/a', 1, ['/etc/nginx/conf.d/a'], protect),
      layer('acme/b', 2, ['/etc/nginx/conf.d/b'], protect),
    ];
    const { owners, report } = compose(layers);

    expect(owners.size).toBe(2);
    expect(report.warnings).toEqual([
      expect.stringMatching(
        /^protected_spec "\/etc\/nginx\/\*\*" of acme\/a and "\/etc\/nginx\/\*\*" of acme\/b overlap: shipped by both, a path such as "\/etc\/nginx\/.+" is a conflict$/,
      ),
    ]);
  });

  it('cause no warning where their patterns cannot meet, or where one carves out of the other', () => {
    const conf = { protected_spec: ['/etc/a/*.conf'] };
    const apart = [
      layer('acme/a', 1, ['/etc/a/1.conf'], conf),
      layer('acme/b', 2, ['/etc/a/1.key'], { protected_spec: ['*.key'] }),
    ];

    expect(compose(apart).report.warnings).toEqual([]);
    const child = {
      variety: 'config',
      parent_module: 'acme/a',
      file_spec: ['/etc/a/1.conf'],
      mask: ['/etc/a/1.conf'],
    } as const;

    const carved = layer('acme/c', 3, ['/etc/a/1.conf'], {
      ...conf,
      ...child,
      file_spec: [...child.file_spec],
      mask: [...child.mask],
    });

    expect(compose([apart[0] as typeof carved, carved]).report.warnings).toEqual([]);
  });

  it('cost little where many patterns have nothing to do with each other', () => {
    const many = Array.from({ length: 20 }, (_, l) => {
      const paths = Array.from({ length: 1000 }, (_, i) => `/m${l}/f${i}`);
      return layer(`acme/m${l}`, l, paths, { protected_spec: paths });
    });
    const started = cpuMs();

    expect(compose(many).report.warnings).toEqual([]);
    expect(cpuMs() - started).toBeLessThan(10_000);
  });

  it('are compared within a bound, whatever their patterns are', () => {
    const hostile = Array.from({ length: 60 }, (_, i) =>
      layer(`acme/m${i}`, i, [], {
        protected_spec: [0, 1, 2, 3].map((k) => `/etc/**/a*/**/b*/**/x${i}-${k}/**/z`),
      }),
    );

    const started = cpuMs();
    const { warnings } = compose(hostile).report;

    expect(warnings.at(-1)).toMatch(/^there are more patterns of protected_spec/);
    expect(cpuMs() - started).toBeLessThan(10_000);
  });

  it('are warned of a hundred times at most', () => {
    const layers = Array.from({ length: 20 }, (_, i) =>
      layer(`acme/m${i}`, i, [`/m${i}/a`], { protected_spec: [`/m${i}/a`, '/m*/**'] }),
    );
    expect(() => compose(layers.slice(0, 2))).not.toThrow();
    expect(compose(layers).report.warnings).toHaveLength(limits.conflictsShownMax + 1);
  });

  it('are a conflict at a directory only when they want it different', () => {
    const root = (name: string, mode: number) => {
      const made = layer(name, 1, [], { protected_spec: ['/vault/'] });
      made.entries.push(entry('/vault', 'directory', { mode, mtime: mode }));
      return made;
    };

    expect(compose([root('acme/a', 0o700), root('acme/b', 0o700)]).entries).toHaveLength(2);
    expect(thrownBy(() => compose([root('acme/a', 0o700), root('acme/b', 0o755)]))).toMatchObject({
      code: 'composition_protected_conflict',
    });
  });

  it('are a conflict when one protects a file and the other something below it', () => {
    const file = layer('acme/a', 1, ['/bin -> usr/bin'], { protected_spec: ['/bin'] });
    const below = layer('acme/b', 2, ['/bin/sh'], { protected_spec: ['/bin/sh'] });

    expect(thrownBy(() => compose([file, below]))).toMatchObject({
      code: 'composition_protected_conflict',
      found: '/bin',
    });
  });
});

describe('a carve-out', () => {
  const conf = '/etc/chrony/chrony.conf';
  const parent = layer('acme/chrony', 60, [conf], { protected_spec: [conf] });

  const child = (more: object = {}) =>
    layer('acme/chrony-no-pool', 62, [conf], {
      variety: 'config',
      parent_module: 'acme/chrony',
      file_spec: [conf],
      mask: [conf],
      ...more,
    });

  const dropped = [{ path: conf, from: 'acme/chrony-no-pool', because_of: 'acme/chrony' }];

  it("lifts the parent's protection, and is reported", () => {
    const { owners, report } = compose([child(), parent]);
    expect(owners.get(conf)).toBe('acme/chrony-no-pool');
    expect(report.carved_out).toEqual([
      { path: conf, from: 'acme/chrony', by: 'acme/chrony-no-pool' },
    ]);
    expect(report.dropped).toEqual([]);
    expect(report.shadowed).toEqual([
      { path: conf, from: 'acme/chrony', by: 'acme/chrony-no-pool' },
    ]);
  });

  it('holds for that layer only', () => {
    const { owners, report } = compose([child(), parent, layer('acme/site', 90, [conf])]);
    expect(owners.get(conf)).toBe('acme/chrony-no-pool');
    expect(report.dropped).toEqual([{ path: conf, from: 'acme/site', because_of: 'acme/chrony' }]);
  });

  it('wins or loses by rank', () => {
    const { owners, report } = compose([child({ priority: 1 }), parent]);
    expect(owners.get(conf)).toBe('acme/chrony');
    expect(report.shadowed).toEqual([
      { path: conf, from: 'acme/chrony-no-pool', by: 'acme/chrony' },
    ]);
  });

  it('lets the child protect what it carved out', () => {
    const { owners, report } = compose([child({ priority: 1, protected_spec: [conf] }), parent]);
    expect(owners.get(conf)).toBe('acme/chrony-no-pool');
    expect(report.dropped).toEqual([
      { path: conf, from: 'acme/chrony', because_of: 'acme/chrony-no-pool' },
    ]);
  });

  it('reaches the files that its glob matches', () => {
    const glob = {
      file_spec: ['/etc/chrony/*.conf', '/etc/chrony/keys'],
      mask: ['/etc/chrony/*.conf'],
    };
    const keys = '/etc/chrony/keys';
    const both = layer('acme/chrony', 60, [conf, keys], { protected_spec: ['/etc/chrony/***'] });
    const { owners, report } = compose([both, { ...child(glob), entries: both.entries }]);

    expect(Object.fromEntries(owners)).toEqual({
      [conf]: 'acme/chrony-no-pool',
      [keys]: 'acme/chrony',
    });
    expect(report.dropped.map((one) => one.path)).toEqual([keys]);
  });

  it.each([
    ['whose variety is not config', { variety: 'subscription' }],
    ['without a parent', { parent_module: null }],
    ['of another parent', { parent_module: 'other/chrony' }],
    ['that stands in the mask only', { file_spec: ['/etc/**'] }],
    ['that stands in file_spec only', { mask: [] }],
    ['that is written differently', { mask: ['/etc/chrony/chrony.con[f]'] }],
  ])('lifts nothing for a layer %s', (_case, more) => {
    expect(compose([child(more), parent]).report.dropped).toEqual(dropped);
  });

  it('never lets a directory take the place of the file', () => {
    const directory = layer('acme/x', 62, [`${conf}/`]).entries;
    const kept = thrownBy(() => compose([parent, child({ entries: directory })]));

    expect(kept).toMatchObject({ code: 'composition_type_conflict' });
    const claimed = thrownBy(() =>
      compose([parent, child({ entries: directory, protected_spec: [conf] })]),
    );

    expect(claimed).toMatchObject({ code: 'composition_protected_conflict' });
  });

  it('does not settle the claims of two children', () => {
    const first = child({ protected_spec: [conf] });
    const second = { ...child({ protected_spec: [conf] }), module: 'chrony-pool' };

    expect(thrownBy(() => compose([parent, first, second]))).toMatchObject({
      code: 'composition_protected_conflict',
      details: [{ path: conf, modules: ['acme/chrony-no-pool', 'acme/chrony-pool'] }],
    });
  });
});
