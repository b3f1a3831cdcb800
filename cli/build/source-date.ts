import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GantryError } from '../../shared/base/error.ts';

export interface SourceDate {
  /** Seconds since 1970. */
  seconds: number;
  /** Why the time is not the last commit's though there may be one. */
  warning?: string;
}

/**
 * The time that all built content gets: SOURCE_DATE_EPOCH (reproducible-builds.org), else the last commit's of the
 * repository that holds the directory, else 0.
 *
 * @param epoch the environment's SOURCE_DATE_EPOCH; empty is as absent.
 * @throws GantryError `usage` for an epoch that is no number of seconds.
 */
export async function sourceDate(
  directory: string,
  epoch: string | undefined,
): Promise<SourceDate> {
  if (epoch) {
    if (/^[0-9]{1,11}$/.test(epoch)) return { seconds: Number(epoch) };
    const message = `SOURCE_DATE_EPOCH is ${JSON.stringify(epoch)}, expected whole seconds since 1970`;
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

/** git refuses a repository of another owner, as in containers; without a word the bytes would differ from elsewhere. */
function refusal(error: unknown): { warning?: string } {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT' || /not a git repository|does not have any commits/.test(stderr)) return {};
  const reason = stderr.trim().split('\n')[0];
  return {
    warning: `all times are 0, since git does not tell the last commit's: ${reason || code}`,
  };
}
