import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder as authors have it before they archive it: the two metadata files and `rootfs/`, with
 * what archivers write in ways of their own: hard links, also of symlinks, and long and odd names.
 */
export function makeModuleFolder(folder: string): void {
  const usr = join(folder, 'rootfs', 'usr');
  mkdirSync(join(usr, 'share'), { recursive: true });
  writeFileSync(join(folder, 'manifest.json'), '{"name":"my-redis"}\n');
  writeFileSync(join(folder, 'composefs-digest'), `${'0'.repeat(64)}\n`);

  writeFileSync(join(usr, 'a'), 'short');
  writeFileSync(join(usr, 'empty'), '');
  writeFileSync(join(usr, 'large'), Buffer.alloc(300_000, 'large '));
  writeFileSync(join(usr, 'share', `grüße-${'x'.repeat(120)}`), 'y'.repeat(1000));
  linkSync(join(usr, 'large'), join(usr, 'twin'));
  symlinkSync('a', join(usr, 'link'));
  linkSync(join(usr, 'link'), join(usr, 'link-twin'));

  setWholeTimes(folder);
}

/** GNU's and ustar's headers hold no part of a second. */
export function setWholeTimes(folder: string): void {
  execFileSync('find', [folder, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
}

/** A file that has a hole before its last bytes. */
export function makeSparseFile(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, 1024 ** 2);
  writeFileSync(path, 'end', { flag: 'a' });
}

/** Runs a shell command in a folder; it writes its archive to standard output. */
export function archiveWith(command: string, folder: string): Buffer {
  return execFileSync('bash', ['-euc', command], {
    cwd: folder,
    maxBuffer: 64 * 1024 ** 2,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
}
