import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { decodeUtf8 } from './pax.ts';
import { tarMalformed } from './tar-header.ts';

/**
 * Returns an archive member's name as a clean relative path: `./rootfs/etc/` → `rootfs/etc`. It
 * removes one leading `./`, because `tar -c .` writes it everywhere. Every other second spelling of
 * a path is refused.
 *
 * @param what names the member in errors, e.g. `entry` or `target of the hard link "rootfs/a"`
 * @returns `.` for the archive's own top directory
 * @throws GantryError `tar_malformed`, `tar_path_not_utf8`, `tar_path_absolute`,
 * `tar_path_traversal`, `tar_path_too_long`
 */
export function memberPath(bytes: Buffer, what: string, directory: boolean): string {
  // Checked first, because a pax record may have a mebibyte and the errors below quote the path.
  if (bytes.length > limits.pathBytesMax + 16)
    throw tooLong(`${what} has ${bytes.length} bytes`, limits.pathBytesMax);

  const text = decodeUtf8(bytes);
  if (text === undefined) {
    const shown = JSON.stringify(bytes.toString('latin1'));
    throw new GantryError('tar_path_not_utf8', `${what} ${shown} is not UTF-8`, {
      found: bytes.toString('hex'),
    });
  }

  const shown = `${what} ${JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)}`;
  if (text === '' || text.includes('\0'))
    throw tarMalformed(`${shown} is empty or holds NUL, expected a path`);

  if (text.startsWith('/')) {
    throw new GantryError(
      'tar_path_absolute',
      `${shown} is absolute, expected a path below the archive`,
      {
        found: text,
      },
    );
  }

  if (text.endsWith('/') && !directory) {
    throw tarMalformed(`${shown} ends with a slash, which only a directory may`, { found: text });
  }

  const path = text.replace(/\/$/, '').replace(/^\.\//, '');
  if (path === '.') return path;

  for (const component of path.split('/')) checkComponent(component, shown, text);
  if (Buffer.byteLength(path) > limits.pathBytesMax) {
    throw tooLong(`${shown} has ${Buffer.byteLength(path)} bytes`, limits.pathBytesMax);
  }

  return path;
}

function checkComponent(component: string, shown: string, found: string): void {
  if (component === '' || component === '.' || component === '..') {
    const message = `${shown} has the component "${component}", expected none that is empty, "." or ".."`;
    throw new GantryError('tar_path_traversal', message, { found });
  }

  const bytes = Buffer.byteLength(component);
  if (bytes > limits.nameBytesMax) {
    throw tooLong(`${shown} has a component of ${bytes} bytes`, limits.nameBytesMax);
  }
}

function tooLong(sentence: string, max: number): GantryError {
  return new GantryError('tar_path_too_long', `${sentence}, expected at most ${max}`, {
    expected: max,
  });
}

/**
 * A symlink's target is data that nothing follows. So only a target that no file system can store
 * is refused.
 */
export function symlinkTarget(bytes: Buffer, path: string): string {
  const target = decodeUtf8(bytes);
  const shown = `target of the symlink ${JSON.stringify(path)}`;
  if (target === undefined) throw new GantryError('tar_path_not_utf8', `${shown} is not UTF-8`);
  if (target === '' || target.includes('\0')) throw tarMalformed(`${shown} is empty or holds NUL`);
  // PATH_MAX includes the terminating NUL.
  if (bytes.length >= limits.pathBytesMax)
    throw tooLong(`${shown} has ${bytes.length} bytes`, limits.pathBytesMax - 1);

  return target;
}

/**
 * A path of a tree as the archive names it, short enough for an error message.
 * @param root the folder of the tree in the archive; empty for the layer of an image
 */
export function shownMember(path: string, root = 'rootfs'): string {
  const member = `${root}${path}`;
  return JSON.stringify(member.length > 200 ? `${member.slice(0, 200)}…` : member);
}
