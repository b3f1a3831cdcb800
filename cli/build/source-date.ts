import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GantryError } from '../../shared/base/error.ts';

export interface SourceDate {
  /** Seconds since 1970. */
  seconds: number;
  /** Why the time of the last commit could not be read. */
  warning?: string;
}

/**
 * Returns the time of all built content: SOURCE_DATE_EPOCH (reproducible-builds.org), else the time
 * of the last commit of the repository around the directory, else 0.
 *
 * @param epoch SOURCE_DATE_EPOCH of the environment; empty means absent
 * @throws GantryError `usage` if the epoch is not a number of seconds
 */
export async function sourceDate(
  directory: string,
  epoch: string | undefined,
): Promise<SourceDate> {
  if (epoch) {
    if (/^[0-9]{1,11}$/.test(epoch)) return { seconds: Number(epoch) };
    const message = `expected SOURCE_DATE_EPOCH in whole seconds since 1970, found ${JSON.stringify(epoch)}`;
    throw new GantryError('usage', message, { field: 'SOURCE_DATE_EPOCH', found: epoch });
  }
  try {
    const env = { ...process.env, LC_ALL: 'C' };
    const args = ['log', '-1', '--no-show-signature', '--format=%ct'];
    const { stdout } = await promisify(execFile)('git', args, { cwd: directory, env });
    return { seconds: Number(stdout.trim()) };
  } catch (error) {
    return { seconds: 0, ...refusal(error) };
  }
}

/**
 * git refuses a repository of another owner, as in containers. Warn, because the bytes then differ
 * from other builds.
 */
function refusal(error: unknown): { warning?: string } {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT' || /not a git repository|does not have any commits/.test(stderr)) return {};

  const reason = stderr.trim().split('\n')[0];
  return {
    warning: `all times are 0, because git cannot read the last commit: ${reason || code}`,
  };
}
