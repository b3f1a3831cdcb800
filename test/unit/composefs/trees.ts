import fc from 'fast-check';
import { ComposefsNode, fileType, sortChildren } from '../../../shared/composefs/node.ts';

/** Byte strings that need every kind of escape. */
const bytes = (constraints: { minLength?: number; maxLength: number }) =>
  fc.uint8Array(constraints).map((array) => Buffer.from(array).toString('latin1'));
const name = bytes({ minLength: 1, maxLength: 20 }).filter(
  (text) => !/[/\0]/.test(text) && text !== '.' && text !== '..',
);
const payload = bytes({ minLength: 1, maxLength: 80 }).filter((text) => !text.includes('\0'));

/** Names with each prefix that EROFS shortens, ones that overlayfs would act on, and any bytes. */
const xattrName = fc.oneof(
  fc.constantFrom(
    'user.a',
    'user.b',
    'security.selinux',
    'lustre.lov',
    'system.posix_acl_access',
    'trusted.x',
  ),
  fc.constantFrom(
    'trusted.overlay.opaque',
    'trusted.overlay.redirect',
    'trusted.overlay.overlay.opaque',
  ),
  payload,
);

const inode = fc.record({
  uid: fc.integer({ min: 0, max: 0xffff_ffff }),
  gid: fc.integer({ min: 0, max: 0xffff_ffff }),
  nlink: fc.integer({ min: 1, max: 100_000 }),
  mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  mtimeNs: fc.integer({ min: 0, max: 999_999_999 }),
  xattrs: fc.uniqueArray(fc.record({ name: xattrName, value: bytes({ maxLength: 40 }) }), {
    selector: (xattr) => xattr.name,
    maxLength: 4,
  }),
});

const kind = fc.oneof(
  fc.record({
    mode: fc.constant(fileType.regular | 0o644),
    content: bytes({ minLength: 1, maxLength: 70 }),
  }),
  fc.record({ mode: fc.constant(fileType.symlink | 0o777), payload }),
  fc.record({
    mode: fc.constant(fileType.character | 0o600),
    rdev: fc.integer({ min: 0, max: 0xffff_ffff }),
  }),
  fc.record({
    mode: fc.constant(fileType.regular | 0o4755),
    size: fc.integer({ min: 1, max: 2 ** 40 }),
    payload,
    digest: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((array) => Buffer.from(array).toString('hex')),
  }),
);

/** Trees of two levels, with hard links. */
export const tree = fc
  .array(fc.tuple(name, fc.array(fc.tuple(name, inode, kind), { maxLength: 5 }), inode), {
    maxLength: 5,
  })
  .map((directories) => {
    const top = new ComposefsNode('', fileType.directory | 0o755);
    const taken = new Set<string>();

    for (const [directoryName, files, directoryFields] of directories) {
      if (taken.has(directoryName)) continue;

      taken.add(directoryName);
      const directory = Object.assign(
        new ComposefsNode(directoryName, fileType.directory | 0o700),
        directoryFields,
      );

      top.children.push(directory);
      const names = new Set<string>();

      for (const [fileName, fields, what] of files) {
        if (names.has(fileName)) continue;

        names.add(fileName);
        const file = Object.assign(new ComposefsNode(fileName, what.mode), fields, what);
        if (what.mode === (fileType.symlink | 0o777)) file.size = file.payload.length;
        if (file.content !== '') file.size = file.content.length;
        directory.children.push(file);
      }

      const [first] = directory.children;
      const linkName = `${first?.name}+`;

      // A name behind the target's: images do not say which name of an inode was the first.
      if (first && !names.has(linkName)) {
        const link = new ComposefsNode(linkName, first.mode);
        link.link = first;
        directory.children.push(link);
      }
    }

    sortChildren(top, (twin) => {
      throw new Error(twin.name);
    });
    return top;
  });
