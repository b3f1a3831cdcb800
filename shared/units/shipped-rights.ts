import { posix } from 'node:path';
import { parentPath, type TreeEntry } from '../domain/files/index.ts';
import { compileMask } from '../files/index.ts';
import { packageRecords } from './dpkg.ts';
import type { UnitLayer } from './input.ts';
import { unitPath } from './names.ts';
import { type PathKind, placeOf } from './root-paths.ts';

/** One thing that a module gains. */
export interface Right {
  /** As reviewers read it. */
  name: string;
  /** All that it says. With another value it is another right. */
  says: unknown;
}

export type ShippedKind = PathKind | 'setuid_file' | 'capability_file' | 'package_code';

/**
 * The rights that the files of a layer give. In a layer that records packages, the files in the
 * usual places of packages are theirs, unless a glob of `file_spec` names them. They are of a kind
 * of their own: nothing proves whose they are, because an author can write such records.
 */
export function shippedRights({
  manifest,
  entries,
}: Pick<UnitLayer, 'manifest' | 'entries'>): (Right & { kind: ShippedKind })[] {
  const hasPackages = entries.some(({ path }) => path.startsWith(packageRecords));
  const isClaimed = compileMask(manifest.file_spec);

  const isPackaged = (path: string) => hasPackages && !isClaimed(path, false);

  return entries.flatMap((entry) => [
    ...fileRights(entry, isPackaged),
    ...placeRights(entry, isPackaged),
  ]);
}

type IsPackaged = (path: string) => boolean;

const capability = 'security.capability';

function fileRights(
  entry: TreeEntry,
  isPackaged: IsPackaged,
): (Right & { kind: 'setuid_file' | 'capability_file' })[] {
  const { path, type, mode, uid, gid, xattrs = {} } = entry;
  const own = xattrs[capability];
  const isSetuid = type === 'file' && (mode & 0o6000) !== 0;
  const isCapable = type !== 'directory' && own !== undefined;
  if (!isSetuid && !isCapable) return [];

  // Every update of a package changes its files. That they run with these rights is what counts.
  const owners = `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
  const says = isPackaged(path) ? [owners, own ?? null] : contentOf(entry);
  return [
    ...(isSetuid ? [{ kind: 'setuid_file' as const, name: `${path} (${owners})`, says }] : []),
    ...(isCapable ? [{ kind: 'capability_file' as const, name: `${path} (${own})`, says }] : []),
  ];
}

function placeRights(entry: TreeEntry, isPackaged: IsPackaged): (Right & { kind: ShippedKind })[] {
  const place = placeOf(entry);
  if (place === null || isEnabling(entry)) return [];

  const kind = place.isOfPackages && isPackaged(entry.path) ? 'package_code' : place.kind;
  return [{ kind, name: entry.path, says: contentOf(entry) }];
}

/**
 * A link to a unit of a search path starts what is there already, or names it. One with a ".."
 * behind a name may lead elsewhere, because that name may be a link.
 */
function isEnabling({ type, path, target = '' }: TreeEntry): boolean {
  if (type !== 'symlink' || unitPath(path) === null) return false;
  const below = target.replace(/^(?:\.{0,2}\/)+/, '');
  const leadsTo = posix.resolve(parentPath(path), target);
  return unitPath(leadsTo) !== null && !below.split('/').includes('..');
}

/** What tells a file from another one, without its times. */
function contentOf({ path, type, mode, uid, gid, ...rest }: TreeEntry): unknown {
  const { target, verity, content, xattrs = {} } = rest;
  const attributes = Object.entries(xattrs).sort(([a], [b]) => (a < b ? -1 : 1));
  return [path, type, mode, uid, gid, target ?? verity ?? content ?? null, attributes];
}
