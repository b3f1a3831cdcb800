import { hash } from 'node:crypto';
import type { CompositionLayer } from '../shared/domain/compose/index.ts';
import type { EntryType, TreeEntry } from '../shared/domain/files/index.ts';

const filesPerModule = 1000;

/** A module with a folder of its own, files that neighbours have too, and protection. */
export function makeLayer(number: number): CompositionLayer {
  const module = `module-${number}`;
  const entries: TreeEntry[] = [];

  const add = (path: string, type: EntryType, size = 0) =>
    entries.push({
      path,
      type,
      mode: type === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime: 1_700_000_000,
      mtime_ns: 0,
      size,
      ...(size > 0
        ? { verity: hash('sha256', `${module}${path}`), offset: entries.length * 2048 }
        : {}),
    });

  for (const path of ['/', '/etc', '/usr', '/usr/share', `/usr/share/${module}`])
    add(path, 'directory');
  add(`/etc/${module}.conf`, 'file', 400);
  for (let i = 0; i < 49; i++) add(`/etc/shared-${i}.conf`, 'file', 400);

  for (let i = 0; i < filesPerModule - 50; i++) {
    if (i % 50 === 0) add(`/usr/share/${module}/part-${i / 50}`, 'directory');
    add(`/usr/share/${module}/part-${Math.floor(i / 50)}/some-file-${i}.txt`, 'file', 1000 + i);
  }

  const digest = `sha256:${hash('sha256', module)}`;
  return {
    account: 'acme',
    module,
    version: '1.0.0',
    version_id: digest,
    digest,
    manifest_digest: digest,
    layer_digest: digest,
    layer_size: 1,
    composefs_digest: digest,
    variety: 'subscription',
    parent_module: null,
    priority: 10 + (number % 90),
    protected_spec: [`/etc/${module}.conf`, `/usr/share/${module}/part-1/***`],
    file_spec: ['/**'],
    mask: [],
    entries,
  };
}
