import fc from 'fast-check';
import { fsVerityDigest } from '../../shared/composefs/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';

export interface TreeWithContent {
  entries: TreeEntry[];
  contents: Map<string, Buffer>;
}

/** A file's entry from its content, as the index of a tree holds it. */
export function fileEntry(
  path: string,
  content: Buffer,
  attributes: Partial<TreeEntry> = {},
): TreeEntry {
  const entry: TreeEntry = {
    ...plain(path),
    type: 'file',
    mode: 0o644,
    size: content.length,
    ...attributes,
  };

  if (content.length > 0) entry.verity = fsVerityDigest(content);
  if (content.length > 0 && content.length <= 64) entry.content = content.toString('base64');
  return entry;
}

export function directoryEntry(path: string, attributes: Partial<TreeEntry> = {}): TreeEntry {
  return { ...plain(path), ...attributes };
}

function plain(path: string): TreeEntry {
  return {
    path,
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    mtime_ns: 0,
    size: 0,
  };
}

const component = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        'a',
        'b',
        'a-b',
        'a.b',
        'ab',
        'é',
        '\ufeffbom',
        '=%=',
        'new\nline',
        '\u{1f600}',
        'x'.repeat(120),
      ),
    },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }) },
  )
  .filter(
    (name) =>
      name !== '.' && name !== '..' && !/[/\0]/.test(name) && Buffer.byteLength(name) <= 255,
  );

const id = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 0xfffffffe }));
const attributes = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  mtime: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 34 - 2 ** 31 - 1 }),
  ),
  mtime_ns: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
});
const xattrs = fc.dictionary(
  fc.constantFrom(
    'user.a',
    'user.b=c%3D',
    'trusted.overlay.opaque',
    'security.capability',
    'user.é',
  ),
  fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value).toString('base64')),
  { maxKeys: 3 },
);
const kind = fc.constantFrom(
  'file',
  'file',
  'file',
  'directory',
  'directory',
  'symlink',
  'character',
  'block',
  'fifo',
);

/** Trees with every type of entry, odd names, owners, times and extended attributes. */
export const arbitraryTree: fc.Arbitrary<TreeWithContent> = fc
  .tuple(
    attributes,
    fc.array(
      fc.record({
        parent: fc.nat(),
        name: component,
        kind,
        attributes,
        xattrs,
        content: fc.oneof(
          fc.uint8Array({ maxLength: 70 }),
          fc.uint8Array({ minLength: 500, maxLength: 5000 }),
        ),
        target: fc.oneof(component, fc.constant('/usr/bin/x'), fc.constant('y'.repeat(300))),
        rdev: fc.integer({ min: 0, max: 0xffffffff }),
      }),
      { maxLength: 25 },
    ),
  )
  .map(([root, parts]) => {
    const entries = new Map<string, TreeEntry>([['/', directoryEntry('/', root)]]);
    const contents = new Map<string, Buffer>();
    const directories = ['/'];

    for (const part of parts) {
      const parent = directories[part.parent % directories.length] as string;
      const path = `${parent === '/' ? '' : parent}/${part.name}`;
      if (entries.has(path)) continue;

      const entry = entryOf(path, part.kind as TreeEntry['type'], part);
      if (Object.keys(part.xattrs).length > 0) entry.xattrs = { ...part.xattrs };
      if (entry.type === 'directory') directories.push(path);
      if (entry.size > 0 && entry.type === 'file') contents.set(path, Buffer.from(part.content));
      entries.set(path, entry);
    }

    return { entries: [...entries.values()], contents };
  });

function entryOf(
  path: string,
  type: TreeEntry['type'],
  part: { attributes: Partial<TreeEntry>; content: Uint8Array; target: string; rdev: number },
): TreeEntry {
  if (type === 'file') return fileEntry(path, Buffer.from(part.content), part.attributes);

  const entry = directoryEntry(path, { ...part.attributes, type });
  if (type === 'symlink') {
    return { ...entry, mode: 0o777, target: part.target, size: Buffer.byteLength(part.target) };
  }

  if (type === 'character' || type === 'block') return { ...entry, rdev: part.rdev };
  return entry;
}
