import { describe, expect, it } from 'vitest';
import { expectedTree } from '../../../agent/verify/expected-tree.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { mediaTypes, parseIndex, parseManifest } from '../../../shared/registry/index.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return isGantryError(error) ? error.code : String(error);
  }
}

describe('a document that is both an image manifest and an index', () => {
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: `sha256:${'a'.repeat(64)}`,
    size: 1,
  };

  const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
  const index = { schemaVersion: 2, manifests: [descriptor] };
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

  it('cannot be taken for either, whatever media type a registry gives it', () => {
    const both = bytes({ ...manifest, ...index });
    expect(codeOf(() => parseManifest(both))).toBe('registry_response_invalid');
    expect(codeOf(() => parseIndex(both))).toBe('registry_response_invalid');
    expect(codeOf(() => parseManifest(bytes({ ...manifest, manifests: null })))).toBe(
      'registry_response_invalid',
    );
    expect(codeOf(() => parseIndex(bytes({ ...index, layers: [] })))).toBe(
      'registry_response_invalid',
    );
    expect(codeOf(() => parseIndex(bytes({ ...index, config: descriptor })))).toBe(
      'registry_response_invalid',
    );
  });

  it('is neither of those that are one thing', () => {
    expect(parseManifest(bytes(manifest)).layers).toHaveLength(1);
    expect(parseIndex(bytes(index)).manifests).toHaveLength(1);
  });
});

describe('a symlink that a module ships', () => {
  const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtime_ns: 0, size: 0 };
  const directory = (path: string): TreeEntry => ({ ...attributes, path, type: 'directory' });

  const link = (path: string, target: string): TreeEntry => ({
    ...attributes,
    path,
    type: 'symlink',
    target,
  });

  const treeOf = (entries: TreeEntry[], rendered: string[] = []) =>
    expectedTree({
      entries,
      owners: new Map(),
      rendered: rendered.map((path) => ({
        path,
        module: 'acme/x',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        content: '',
      })),
      metadata: { instance: { secret: 'x' } },
      writablePaths: ['/var'],
    });

  it.each([
    ['/run', '/etc'],
    ['/run', '../../outside'],
  ])('%s → %s cannot make the agent write the metadata elsewhere', (path, target) => {
    const tree = treeOf([directory('/'), link(path, target)]);
    expect(tree.entries.map((entry) => entry.path)).toEqual(['/', '/machine-data', '/run', '/var']);
    expect(tree.contents.size).toBe(0);
  });

  it('cannot stand where the metadata goes and be written through', () => {
    const entries = [directory('/'), directory('/run'), directory('/run/gantry')];
    const tree = treeOf([...entries, link('/run/gantry/metadata.json', '/etc/shadow')]);
    expect(tree.contents.has('/run/gantry/metadata.json')).toBe(false);
  });

  it('cannot lead a rendered file out of the root', () => {
    const entries = [directory('/'), link('/etc', '/../../outside')];
    expect(codeOf(() => treeOf(entries, ['/etc/passwd']))).toBe('desired_state_invalid');
    expect(codeOf(() => treeOf([directory('/')], ['/etc/../../../outside']))).toBe(
      'desired_state_invalid',
    );
  });

  it('in the place of the machine’s own directory cannot have anything written beneath it', () => {
    const tree = treeOf([directory('/'), link('/var', '/etc')]);
    expect(tree.entries.find(({ path }) => path === '/var')?.type).toBe('symlink');
    expect(tree.entries.some(({ path }) => path.startsWith('/var/'))).toBe(false);
  });
});
