import { chmod, lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

/**
 * Makes the directory of one build, and removes those of builds that died. Its name states the
 * process and when it started, because process ids are used again.
 *
 * Nothing is mounted in it: each tree is made in a mount namespace of its own, which dies with its
 * processes.
 */
export async function withWorkDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const prefix = `gantry-build-${process.getuid?.() ?? 0}-`;
  await removeLeftOvers(prefix);

  const started = await startOf(process.pid);
  const directory = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${started}-`));
  // apt's sandbox user and the users of a user namespace read below it.
  await chmod(directory, 0o755);

  try {
    return await work(directory);
  } finally {
    await removeTree(directory);
  }
}

async function removeLeftOvers(prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const [pid = '', started = ''] = name.slice(prefix.length).split('-');
    if ((await startOf(Number(pid))) === started) continue;
    const path = join(tmpdir(), name);
    if (await isOwn(path)) await removeTree(path);
  }
}

/**
 * Anybody may make a directory of that name. Who owns it could swap its content for links while
 * root removes it.
 */
async function isOwn(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() === true && stats.uid === process.getuid?.();
}

/**
 * When a process started, in ticks since boot (proc(5), stat, field 22); `gone` without one, and
 * for one that ended and waits for its parent to notice.
 */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? 'gone' : (fields[19] ?? 'gone');
}

async function removeTree(directory: string): Promise<void> {
  if (process.getuid?.() === 0) {
    await rm(directory, { recursive: true, force: true });
    return;
  }

  // Files of a user namespace belong to ids that only that namespace may remove.
  const args = ['--unshare-helper', 'rm', '-rf', '--one-file-system', directory];
  const { code } = await runTool({ program: 'mmdebstrap', args });
  if (code !== 0) await rm(directory, { recursive: true, force: true });
}
