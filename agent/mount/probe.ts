import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { composefsImage, fsVerityDigest } from '../../shared/composefs/index.ts';
import { removeTree, unfinished } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import { parts } from './mount-commands.ts';

const run = promisify(execFile);
const content = 'This sentence is longer than what an image holds itself: it is in the store.\n';

/**
 * Why this machine cannot mount compositions; undefined when it can. It mounts one with one file,
 * on the agent's own file system, in a mount namespace that ends with the attempt, and reads the
 * file: kernel, privileges, programs and file system are tried, not guessed (data-only layers need
 * Linux 6.5).
 */
export async function findMountObstacle({ dir }: AgentPaths): Promise<string | undefined> {
  const trial = join(dir, `${unfinished}probe`);
  try {
    await makeTrial(trial);
    const { stdout } = await run('unshare', ['--mount', 'sh', '-ec', script], { cwd: trial });
    return stdout === content ? undefined : 'a mounted file has other content than its object';
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return (stderr || message).trim().split('\n').at(-1);
  } finally {
    await removeTree(trial);
  }
}

const script = `mount -t erofs -o ro ${parts.image} ${parts.erofs}
mount -t overlay -o ro,lowerdir=${parts.top}:${parts.erofs}::store,metacopy=on,redirect_dir=on gantry root
cat root/file`;

async function makeTrial(trial: string): Promise<void> {
  await removeTree(trial);
  const bytes = Buffer.from(content);
  const verity = fsVerityDigest(bytes);
  const object = join(trial, 'store', verity.slice(0, 2), verity.slice(2));

  for (const path of [parts.erofs, parts.top, 'root']) {
    await mkdir(join(trial, path), { recursive: true });
  }

  await mkdir(dirname(object), { recursive: true });
  await writeFile(object, bytes);

  const own = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0 };
  const { image } = composefsImage([
    { ...own, path: '/', type: 'directory', mode: 0o755, size: 0 },
    { ...own, path: '/file', type: 'file', mode: 0o644, size: bytes.length, verity },
  ]);
  await writeFile(join(trial, 'probe.erofs'), image);
  await symlink('probe.erofs', join(trial, parts.image));
}
