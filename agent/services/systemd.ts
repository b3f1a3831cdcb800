import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { limits } from '../../shared/base/limits/index.ts';

const run = promisify(execFile);

/** What systemd says of a unit (systemctl(1), `show`). */
export interface UnitState {
  /** Empty when systemd has no file of the unit. */
  FragmentPath: string;
  /** Files that systemd adds to the unit, separated by spaces. */
  DropInPaths: string;
  /** `yes` when systemd has read another text of it than the file has. */
  NeedDaemonReload: string;
  ActiveState: string;
  SubState: string;
  Result: string;
  Restart: string;
  /** Restarts since systemd was last asked to start it. */
  NRestarts: string;
}

const noState: UnitState = {
  FragmentPath: '',
  DropInPaths: '',
  NeedDaemonReload: '',
  ActiveState: '',
  SubState: '',
  Result: '',
  Restart: '',
  NRestarts: '0',
};

/** The state of each unit, in the order of the names. */
export async function readUnits(units: readonly string[]): Promise<UnitState[]> {
  if (units.length === 0) return [];

  const properties = Object.keys(noState).join(',');
  const { stdout } = await systemctl('show', `--property=${properties}`, '--', ...units);
  return stdout
    .trim()
    .split(/\n\n/)
    .map((block) => ({ ...noState, ...readProperties(block) }));
}

function readProperties(block: string): Partial<UnitState> {
  return Object.fromEntries(
    block.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

export async function reloadUnits(): Promise<void> {
  await systemctl('daemon-reload');
}

/**
 * Starts a unit, or restarts it, and waits until systemd says that it runs.
 *
 * @throws the error of systemctl, also when it takes too long.
 */
export async function restartUnit(unit: string): Promise<void> {
  // Otherwise a unit that failed often before is refused (systemd.unit(5), StartLimitBurst=).
  await systemctl('reset-failed', '--', unit).catch(() => undefined);
  await systemctl('restart', '--', unit);
}

/** @throws the error of systemctl, also when it takes too long. */
export async function stopUnit(unit: string): Promise<void> {
  await systemctl('stop', '--', unit);
  await systemctl('reset-failed', '--', unit).catch(() => undefined);
}

/**
 * The last lines of a unit's journal, on one line: its own, or those of systemd about it when it
 * wrote none. Empty when there are none.
 */
export async function readJournal(unit: string): Promise<string> {
  const own = await readLines(`_SYSTEMD_UNIT=${unit}`);
  return own === '' ? readLines(`--unit=${unit}`) : own;
}

async function readLines(match: string): Promise<string> {
  const args = ['--boot', '--no-pager', '--output=cat', `--lines=${limits.agentJournalLines}`];
  const options = { timeout: limits.agentJournalMs, maxBuffer: 1024 ** 2 };
  const { stdout } = await run('journalctl', [...args, match], options).catch(() => ({
    stdout: '',
  }));
  return stdout
    .trim()
    .replaceAll(/\s*\n\s*/g, ' | ')
    .replaceAll(/\p{Cc}/gu, ' ')
    .replace(/\.$/, '')
    .slice(-limits.agentJournalCharactersMax)
    .toWellFormed();
}

async function systemctl(...args: string[]): Promise<{ stdout: string }> {
  return run('systemctl', args, { timeout: limits.agentSystemctlMs, killSignal: 'SIGKILL' });
}
