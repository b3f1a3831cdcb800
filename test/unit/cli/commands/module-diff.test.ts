import { expect, it } from 'vitest';
import { formatDifference } from '../../../../cli/commands/modules/diff.ts';

const version = (name: string, layer_size: number) => ({
  version_id: `ver_${name}`,
  version: name,
  digest: `sha256:${name}`,
  promotion_state: 'live' as const,
  layer_size,
});
const entry = (path: string, more: object = {}) => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 10,
  ...more,
});
const same = {
  module: 'redis',
  from: version('1.0.0', 1024),
  to: version('1.1.0', 2048),
  platform: 'any',
  files: { added: [], removed: [], changed: [] },
  counts: { added: 0, removed: 0, changed: 0 },
  packages: { source: 'dpkg' as const, added: [], removed: [], changed: [] },
  manifest: [],
};

it('two versions with the same content are said to have it', () => {
  const text = formatDifference(same);
  expect(text).toContain('The versions have the same content.');
  expect(text).toMatch(/size +1024 → 2048 bytes/);
});

it('a difference has one line for each fact, and counts what it leaves out', () => {
  const text = formatDifference({
    ...same,
    files: {
      added: [entry('/etc/new')],
      removed: [entry('/etc/old', { type: 'symlink' })],
      changed: [
        {
          path: '/usr/bin/redis',
          what: ['content', 'mode', 'owner'],
          before: entry('/usr/bin/redis'),
          after: entry('/usr/bin/redis', { mode: 0o4755, uid: 33, size: 12 }),
        },
      ],
    },
    counts: { added: 1, removed: 1, changed: 5 },
    packages: {
      source: 'dpkg' as const,
      added: [{ name: 'libssl3', version: '3.0.15' }],
      removed: [{ name: 'libssl1', version: null }],
      changed: [{ name: 'zlib1g', was: '1:1.2.11', now: '1:1.2.13' }],
    },
    manifest: [{ field: 'description', was: null, now: '"A store"' }],
  });

  for (const line of [
    /^ {2}~ description +- → "A store"$/m,
    /^ {2}\+ libssl3 +3\.0\.15$/m,
    /^ {2}- libssl1$/m,
    /^ {2}~ zlib1g +1:1\.2\.11 → 1:1\.2\.13$/m,
    /^ {2}\+ \/etc\/new +file 0644 0:0 10 bytes$/m,
    /^ {2}- \/etc\/old +symlink 0644 0:0$/m,
    /^ {2}~ \/usr\/bin\/redis +content 10 → 12 bytes, mode 644 → 4755, owner 0:0 → 33:0$/m,
    /^… 4 more files$/m,
  ])
    expect(text).toMatch(line);
});

it('a path that imitates the facts beside it is quoted', () => {
  const text = formatDifference({
    ...same,
    files: { added: [entry('/bin/su  file 0644 0:0')], removed: [], changed: [] },
    counts: { added: 1, removed: 0, changed: 0 },
  });
  expect(text).toContain('+ "/bin/su  file 0644 0:0"  file 0644 0:0 10 bytes');
});
