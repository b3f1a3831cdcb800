import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { previewText } from '../../../cli/output/preview-text.ts';
import { table } from '../../../cli/output/table.ts';
import type { Preview } from '../../../shared/domain/compose/index.ts';

const none = { now: [], no_longer: [] };
const nothing: Preview = {
  modules: [],
  packages: { added: [], removed: [] },
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
  warnings: [],
  bounds: { list_rows: 1000, list_bytes: 400_000, instances: 20, diff_lines: 1000 },
};
const facts = { version: '1.0.0', version_id: 'ver_1', layer_digest: 'sha256:1', priority: 90 };
const file = { by: 'acme/a', type: 'file', mode: 0o644, uid: 0, gid: 0 } as const;

function text(preview: Partial<Preview>, counts: Partial<Preview['counts']> = {}): string {
  const all = { ...nothing, ...preview, counts: { ...nothing.counts, ...counts } };
  return stripVTControlCharacters(previewText({ preview: all, ...rest }));
}

it('a preview without differences says that nothing changes', () => {
  expect(text({})).toBe('Nothing changes in the root of machines.');
});

it('a preview of metadata or of a priority says what does not change', () => {
  const metadata = [{ module: 'acme/a', before: {}, after: { size: 3 } }];
  const told = stripVTControlCharacters(previewText({ preview: nothing, ...rest, metadata }));
  expect(told).toContain('Nothing but the metadata changes in the root of machines.');
  const modules = [{ module: 'acme/a', before: facts, after: { ...facts, priority: 95 } }];
  expect(text({ modules })).toContain('No path changes in the root of machines.');
});

it('a preview tells modules by what differs, and paths in their order with their signs', () => {
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
    '  ~ acme/b  another build of 1.0.0',
    '  - acme/c  1.0.0',
    '',
    'Files',
    '  - /etc/a   acme/c',
    '  + /etc/b/  acme/a',
    '  ~ /etc/c   mode 0644 → 04755, acme/a → acme/b',
    "  ^ /etc/c  carved out of acme/a's protection by acme/b",
    '',
    'Paths: 1 added, 1 removed, 1 changed; 0 dropped, 0 shadowed, 1 carved out; of 2 more only the time changes.',
  ]);
});

it('a list that was cut says how much more there is', () => {
  const added = [{ path: '/a', type: 'file' as const, by: 'acme/a' }];
  expect(text({ added }, { added: 3000 })).toContain(
    '\n  … 2999 more added\n  (a list has 1000 rows at most; the counts below are whole)\n',
  );
});

it('a path cannot steer the terminal', () => {
  const added = [{ path: '/a\u001b[2J', type: 'file' as const, by: 'acme/a' }];
  expect(previewText({ preview: { ...nothing, added }, ...rest })).not.toContain('\u001b[2J');
});

describe('what differs on single machines', () => {
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

  it('is told by machine: values, files with their keys and lines, and why nothing would be handed out', () => {
    const instances = { examined: 20, more: true, changed: [changed] };
    expect(
      stripVTControlCharacters(previewText({ preview: nothing, ...rest, instances })).split('\n'),
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
      '  ! web-1  keeps what it has: expected the metadata to have "old" (instance_metadata_missing)',
      '  (the first 20 machines of the track were looked at)',
      '',
      'Nothing changes in the image of machines.',
    ]);
  });

  it('cannot steer the terminal', () => {
    const files = [
      { ...changed.files[0], diff: ['+ \u001b[2J'], module: 'acme/a\u001b[2J' },
    ] as typeof changed.files;
    const instances = { examined: 1, more: false, changed: [{ ...changed, files }] };
    expect(previewText({ preview: nothing, ...rest, instances })).not.toContain('\u001b[2J');
  });
});

it('a preview and a table cannot be steered by the names that modules give their files', () => {
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
  const printed = previewText({ preview, ...rest });
  expect(printed.split('\n').filter((line) => line.includes('+ '))).toHaveLength(evil.length);
  expect(printed).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(printed).toContain('"/i  acme/trusted"');
  expect(table(['A'], [[`${esc}[8mhidden`], [`${esc}[32mlive${esc}[39m`]], '')).toContain(
    `\ufffd[8mhidden\n${esc}[32mlive`,
  );
});
