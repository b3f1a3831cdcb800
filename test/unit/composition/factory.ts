import type { CompositionLayer, GeneratedService } from '../../../shared/domain/compose/index.ts';
import {
  ancestorPaths,
  compareBytes,
  type EntryType,
  type TreeEntry,
} from '../../../shared/domain/files/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { compileGlob, matches } from '../../../shared/files/index.ts';
import { manifestOf } from '../../support/manifests.ts';

const digest = `sha256:${'0'.repeat(64)}`;

export function entry(
  path: string,
  type: EntryType = 'file',
  more: Partial<TreeEntry> = {},
): TreeEntry {
  const mode = type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644;
  return { path, type, mode, uid: 0, gid: 0, mtime: 1_700_000_000, mtime_ns: 0, size: 0, ...more };
}

/**
 * A tree with every ancestor: paths that end with `/` are directories, `path -> target` are
 * symlinks, others files.
 */
export function tree(paths: string[], more: Partial<TreeEntry> = {}): TreeEntry[] {
  const entries = new Map<string, TreeEntry>([['/', entry('/', 'directory')]]);
  for (const text of paths) {
    const [path = '', target] = text.split(' -> ');
    const bare = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    for (const above of ancestorPaths(bare))
      if (!entries.has(above)) entries.set(above, entry(above, 'directory'));
    if (target !== undefined) entries.set(bare, entry(bare, 'symlink', { target, ...more }));
    else entries.set(bare, entry(bare, path.endsWith('/') ? 'directory' : 'file', more));
  }

  return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
}

/** A layer named `<account>/<module>`. */
export function layer(
  name: string,
  priority: number,
  paths: string[],
  more: Partial<CompositionLayer> = {},
) {
  const [account = '', module = ''] = name.split('/');
  const made: CompositionLayer = {
    account,
    module,
    version: '1.0.0',
    version_id: `ver_${module}`,
    digest,
    manifest_digest: digest,
    layer_digest: digest,
    layer_size: 0,
    composefs_digest: digest,
    variety: 'subscription',
    parent_module: null,
    priority,
    protected_spec: [],
    file_spec: [],
    mask: [],
    entries: tree(paths),
    ...more,
  };

  return made;
}

export function version(version_string: string, more: Partial<Version> = {}): Version {
  return {
    account: 'acme',
    module: 'web',
    id: `ver_${version_string}`,
    digest,
    version_string,
    kind: 'node',
    labels: null,
    tags: [],
    promotion_state: 'live',
    was_live: more.promotion_state === undefined || more.promotion_state === 'live',
    quarantined: false,
    held: false,
    builds: [],
    manifest: manifestOf('web'),
    stored_signatures_key: '',
    signatures: [],
    approvals: [],
    revision: 1,
    ingested_at: '2026-01-01T00:00:00.000Z',
    state_changed_at: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

/**
 * Whether a reserved pattern needs a directory at a path: the path matches what stands before one
 * of the pattern's slashes, and before any `**`. Written from the pattern's text.
 */
export function needsDirectory(pattern: string, path: string): boolean {
  if (!pattern.startsWith('/')) return false;
  const parts = pattern.split('/');

  return parts.slice(2).some((_, at) => {
    const before = parts.slice(0, at + 2).join('/');
    return !before.includes('**') && matches(compileGlob(before), path, false);
  });
}

/** A service of `acme/web`, whose unit is made from its manifest. */
export const generatedService = (
  name: string,
  more: Partial<GeneratedService> = {},
): GeneratedService => ({
  unit: `gantry-web:${name}.service`,
  aliases: [],
  account: 'acme',
  module: 'web',
  service: name,
  managed: 'generated',
  files: [],
  after: [],
  after_healthy: [],
  user: null,
  digest: 'd',
  reboot_required: false,
  health: null,
  ...more,
});

/** The error that a call throws. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
