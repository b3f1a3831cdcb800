import { describe, expect, it } from 'vitest';
import { compareRendered, type Rendering } from '../../../shared/composition/index.ts';
import type { Metadata } from '../../../shared/domain/templates/index.ts';
import { entry } from './factory.ts';

function rendering(
  files: Record<string, string | Uint8Array>,
  metadata: Metadata,
  module = 'acme/site',
): Rendering {
  return {
    files: Object.keys(files).map((path) => ({ module, entry: entry(path) })),
    contents: (_, path) => Buffer.from(files[path] ?? ''),
    metadata,
  };
}

const changes = (before: Rendering, after: Rendering, diffLinesMax = 100) =>
  compareRendered(before, after, { diffLinesMax });
const hosts = 'name ${instance.hostname}\nzone ${instance.zone}\n';

describe('renderedChanges', () => {
  it('names the files that differ on a machine, the keys, and the lines', () => {
    const files = { '/etc/hosts': hosts, '/etc/zone': '${instance.zone}\n' };
    const told = changes(
      rendering(files, { hostname: 'a', zone: 1 }),
      rendering(files, { hostname: 'b', zone: 1 }),
    );

    expect(told).toEqual([
      {
        path: '/etc/hosts',
        what: 'changed',
        module: 'acme/site',
        keys: ['hostname'],
        diff: ['@@ -1 +1 @@', '- name a', '+ name b', '  zone 1'],
        more_lines: 0,
      },
    ]);
  });

  it('shows added and removed files with their modules', () => {
    const before = rendering({ '/etc/b': 'old\n' }, {}, 'acme/old');
    const after = rendering({ '/etc/a': 'new\n' }, {}, 'acme/new');

    expect(changes(before, after).map(({ path, what, module }) => [path, what, module])).toEqual([
      ['/etc/a', 'added', 'acme/new'],
      ['/etc/b', 'removed', 'acme/old'],
    ]);
  });

  it('shows a placeholder whose key is missing as it is written', () => {
    const files = { '/etc/hosts': hosts };
    const [one] = changes(
      rendering(files, { hostname: 'a', zone: 1 }),
      rendering(files, { hostname: 'a' }),
    );

    expect([one?.keys, one?.diff]).toEqual([
      ['zone'],
      ['@@ -1 +1 @@', '  name a', '- zone 1', '+ zone ${instance.zone}'],
    ]);
  });

  it('has no lines for what is no text, and no more lines than asked for', () => {
    const binary = { '/a': new Uint8Array([0, 1]) };
    const [one] = changes(rendering({ '/a': 'text' }, {}), rendering(binary, {}));

    expect(one?.diff).toBeNull();
    const many = { '/a': 'a\nb\nc\n', '/b': 'a\nb\nc\n', '/c': 'a\n' };
    const told = changes(rendering({}, {}), rendering(many, {}), 5);

    expect(told.map(({ diff, more_lines }) => [diff?.length, more_lines])).toEqual([
      [4, 0],
      [1, 3],
      [undefined, 0],
    ]);
  });
});
