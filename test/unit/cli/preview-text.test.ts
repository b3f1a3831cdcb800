import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { formatSignedRows } from '../../../cli/output/preview-rows.ts';
import { formatPreview } from '../../../cli/output/preview-text.ts';
import { table } from '../../../cli/output/table.ts';
import type { Preview } from '../../../shared/domain/compose/index.ts';

const none = { now: [], no_longer: [] };
const nothing: Preview = {
  modules: [],
  packages: { added: [], removed: [] },
  effects: [],
  services: [],
  added: [],
  removed: [],
  changed: [],
  dropped: none,
  shadowed: none,
  carved_out: none,
  counts: {
    modules: 0,
    packages_added: 0,
    packages_removed: 0,
    effects: 0,
    services: 0,
    added: 0,
    removed: 0,
    changed: 0,
    dropped: 0,
    shadowed: 0,
    carved_out: 0,
    times: 0,
  },
};
const rest = {
  metadata: [],
  instances: { examined: 0, more: false, changed: [] },
  lost: [],
  warnings: [],
  bounds: { list_rows: 1000, list_bytes: 400_000, instances: 20, diff_lines: 1000 },
};
const facts = { version: '1.0.0', version_id: 'ver_1', layer_digest: 'sha256:1', priority: 90 };
const file = { by: 'acme/a', type: 'file', mode: 0o644, uid: 0, gid: 0 } as const;

function text(preview: Partial<Preview>, counts: Partial<Preview['counts']> = {}): string {
  const all = { ...nothing, ...preview, counts: { ...nothing.counts, ...counts } };
  return stripVTControlCharacters(formatPreview({ preview: all, ...rest }));
}

it('says that a preview without differences changes nothing', () => {
  expect(text({})).toBe('Nothing changes in the root file system.');
});

it('shows what a module does to machines besides its files', () => {
  const effects = [
    { module: 'acme/a', name: 'privileged', was: null, now: 'yes' },
    { module: 'acme/a', name: 'service a', was: '/bin/a', now: '/bin/b' },
    { module: 'acme/a', name: 'user a', was: 'uid 7', now: null },
  ];
  expect(text({ effects }, { effects: 9 })).toContain(
    [
      'On machines',
      '  + acme/a: privileged  yes',
      '  ~ acme/a: service a   /bin/a → /bin/b',
      '  - acme/a: user a      uid 7',
    ].join('\n'),
  );
});

it('says that metadata or a priority does not change paths', () => {
  const metadata = [{ module: 'acme/a', before: {}, after: { size: 3 } }];
  const printed = stripVTControlCharacters(formatPreview({ preview: nothing, ...rest, metadata }));

  expect(printed).toContain('Only metadata changes in the root file system.');
  const modules = [{ module: 'acme/a', before: facts, after: { ...facts, priority: 95 } }];

  expect(text({ modules })).toContain('No path changes in the root file system.');
});

it('lists changed modules, and paths in order with their signs', () => {
  const printed = text(
    {
      modules: [
        { module: 'acme/a', before: facts, after: { ...facts, version: '1.1.0', priority: 95 } },
        { module: 'acme/b', before: facts, after: { ...facts, layer_digest: 'sha256:2' } },
        { module: 'acme/c', before: facts, after: null },
      ],
      added: [{ path: '/etc/b', type: 'directory', by: 'acme/a' }],
      removed: [{ path: '/etc/a', type: 'file', from: 'acme/c' }],
      changed: [
        {
          path: '/etc/c',
          what: ['mode', 'module'],
          before: file,
          after: { ...file, mode: 0o4755, by: 'acme/b' },
        },
      ],
      carved_out: { now: [{ path: '/etc/c', from: 'acme/a', by: 'acme/b' }], no_longer: [] },
    },
    { added: 1, removed: 1, changed: 1, carved_out: 1, times: 2 },
  );
  expect(printed.split('\n')).toEqual([
    'Modules',
    '  ~ acme/a  1.0.0 → 1.1.0, priority 90 → 95',
    '  ~ acme/b  different build of 1.0.0',
    '  - acme/c  1.0.0',
    '',
    'Files',
    '  - /etc/a   acme/c',
    '  + /etc/b/  acme/a',
    '  ~ /etc/c   mode 0644 → 04755, acme/a → acme/b',
    '  ^ /etc/c  carved out of the protection of acme/a by acme/b',
    '',
    'Paths: 1 added, 1 removed, 1 changed; 0 dropped, 0 shadowed, 1 carved out; 2 more change only in time.',
  ]);
});

it('says how many rows a truncated list leaves out', () => {
  const added = [{ path: '/a', type: 'file' as const, by: 'acme/a' }];
  expect(text({ added }, { added: 3000 })).toContain(
    '\n  … 2999 more added\n  (a list shows at most 1000 rows; the counts below are complete)\n',
  );
});

it('keeps a path from controlling the terminal', () => {
  const added = [{ path: '/a\u001b[2J', type: 'file' as const, by: 'acme/a' }];
  expect(formatPreview({ preview: { ...nothing, added }, ...rest })).not.toContain('\u001b[2J');
});

describe('changes of single machines', () => {
  const changed = {
    instance_id: 'ins_1',
    name: 'web-1',
    metadata: { before: { hostname: 'a', old: 1 }, after: { hostname: 'b' } },
    files: [
      {
        path: '/etc/hostname',
        what: 'changed' as const,
        module: 'acme/site',
        keys: ['hostname'],
        diff: ['@@ -1 +1 @@', '- a', '+ b'],
        more_lines: 2,
      },
      {
        path: '/etc/key',
        what: 'removed' as const,
        module: 'acme/site',
        keys: [],
        diff: null,
        more_lines: 0,
      },
    ],
    files_changed: 3,
    error: {
      code: 'instance_metadata_missing',
      message: 'expected the metadata to have "old"',
      refuses: false,
    },
  };

  it('lists metadata, files with their keys and diff, and errors for each machine', () => {
    const instances = { examined: 20, more: true, changed: [changed] };
    expect(
      stripVTControlCharacters(formatPreview({ preview: nothing, ...rest, instances })).split('\n'),
    ).toEqual([
      'Machines',
      '  ~ hostname=a → b  web-1',
      '  - old=1           web-1',
      '  ~ /etc/hostname  web-1, from acme/site, by hostname',
      '      @@ -1 +1 @@',
      '      - a',
      '      + b',
      '      … 2 more lines',
      '  - /etc/key  web-1, from acme/site',
      '  … 1 more files of web-1',
      '  ! web-1  the machine keeps its desired state: expected the metadata to have "old" (instance_metadata_missing)',
      '  (only the first 20 machines of the track were checked)',
      '',
      'The root file system image does not change.',
    ]);
  });

  it('cannot control the terminal', () => {
    const files = [
      { ...changed.files[0], diff: ['+ \u001b[2J'], module: 'acme/a\u001b[2J' },
    ] as typeof changed.files;
    const instances = { examined: 1, more: false, changed: [{ ...changed, files }] };
    expect(formatPreview({ preview: nothing, ...rest, instances })).not.toContain('\u001b[2J');
  });
});

it('keeps file names from controlling the terminal in previews and tables', () => {
  const esc = '\u001b';
  const evil = [
    `/a${esc}[8m`,
    `/b${esc}[31m`,
    '/c\u009b2J',
    '/d\u202ecba',
    '/e\r+ /f',
    '/g\n! /h',
    '/i  acme/trusted',
    '/j\u2028k',
  ];

  const preview = {
    ...nothing,
    added: evil.map((path) => ({ path, ...file })),
    counts: { ...nothing.counts, added: evil.length },
  };

  const printed = formatPreview({ preview, ...rest });
  expect(printed.split('\n').filter((line) => line.includes('+ '))).toHaveLength(evil.length);
  expect(printed).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(printed).toContain('"/i  acme/trusted"');
  expect(table(['A'], [[`${esc}[8mhidden`], [`${esc}[32mlive${esc}[39m`]], '')).toContain(
    `\ufffd[8mhidden\n${esc}[32mlive`,
  );
});

it('a path that is wider than the column has its text on the next line, in the same place', () => {
  const long = `/usr/share/${'x'.repeat(60)}`;
  const [first, second, third] = formatSignedRows([
    ['+', long, 'acme/a'],
    ['+', '/etc/a', 'acme/b'],
  ])
    .join('\n')
    .split('\n')
    .map((line) => stripVTControlCharacters(line));

  expect(first).toBe(`  + ${long}`);
  expect(second?.indexOf('acme/a')).toBe(third?.indexOf('acme/b'));
});
