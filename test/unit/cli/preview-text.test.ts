import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { previewText } from '../../../cli/preview-text.ts';
import type { Preview } from '../../../shared/domain/composition.ts';

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
const facts = { version: '1.0.0', version_id: 'ver_1', layer_digest: 'sha256:1', priority: 90 };
const file = { by: 'acme/a', type: 'file', mode: 0o644, uid: 0, gid: 0 } as const;

function text(preview: Partial<Preview>, counts: Partial<Preview['counts']> = {}): string {
  const all = { ...nothing, ...preview, counts: { ...nothing.counts, ...counts } };
  return stripVTControlCharacters(previewText({ preview: all, metadata: [], warnings: [] }));
}

it('a preview without differences says that nothing changes', () => {
  expect(text({})).toBe('Nothing changes in the root of machines.');
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
        { path: '/etc/c', what: ['mode', 'module'], before: file, after: { ...file, mode: 0o4755, by: 'acme/b' } },
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
  expect(text({ added }, { added: 3000 })).toContain('\n  … 2999 more added\n');
});

it('a path cannot steer the terminal', () => {
  const added = [{ path: '/a\u001b[2J', type: 'file' as const, by: 'acme/a' }];
  expect(previewText({ preview: { ...nothing, added }, metadata: [], warnings: [] })).not.toContain('\u001b[2J');
});
