import { setTimeout as sleep } from 'node:timers/promises';
import { isGantryError } from '../shared/base/error.ts';
import { errorStatus } from '../shared/base/error-codes.ts';
import { limits } from '../shared/base/limits/index.ts';
import { withoutAges } from './output/age.ts';
import { capture } from './output/sink.ts';
import { safe } from './output/table.ts';

/** Where a watched result goes. */
export interface Screen {
  show: (text: string) => void;
  /** Says that the control plane does not respond, and when the next try is. */
  fail: (message: string, pauseMs: number) => void;
}

/**
 * Runs a command repeatedly, and shows what it prints when that changes. A control plane that
 * is busy or away is asked less and less often. Ends only by an error that a retry cannot change.
 */
export async function watch(
  action: () => Promise<unknown>,
  screen: Screen,
  pause: (ms: number) => Promise<unknown> = sleep,
): Promise<never> {
  let shown: string | null = null;
  let failures = 0;

  for (;;) {
    try {
      const text = await capture(action);
      if (text !== shown || failures > 0) screen.show(text);
      shown = text;
      failures = 0;
    } catch (error) {
      if (!passes(error)) throw error;
      failures += 1;
      screen.fail(error.message, pauseMsAfter(failures));
    }

    await pause(pauseMsAfter(failures));
  }
}

/** Returns true for an error that may be gone at the next try. */
function passes(error: unknown): error is Error {
  return isGantryError(error) && errorStatus[error.code] >= 500;
}

/** Doubles the pause with each failure in a row. */
export function pauseMsAfter(failures: number): number {
  return Math.min(limits.watchPauseMs * 2 ** failures, limits.watchPauseMsMax);
}

/**
 * Returns the screen of this process: a terminal is drawn again, a pipe gets each change as one
 * more text.
 */
export function openScreen(): Screen {
  const { stdout, stderr } = process;
  // Ctrl-C is how a person ends a watch, so it is no error.
  process.once('SIGINT', () => process.exit(0));

  if (!stdout.isTTY) {
    return {
      show: changedOnly((text) => void stdout.write(text)),
      fail: (message, ms) => void stderr.write(`${failLine(message, ms)}\n`),
    };
  }

  let last = '';
  return {
    show(text) {
      last = text;
      stdout.write(frame(text, stdout.rows));
    },
    fail: (message, ms) =>
      void stdout.write(frame(`${last}\n${failLine(message, ms)}`, stdout.rows)),
  };
}

/** Writes a text unless it only says that what it said before is older. */
export function changedOnly(write: (text: string) => void): (text: string) => void {
  let last: string | null = null;
  return (text) => {
    const facts = withoutAges(text);
    if (facts !== last) write(text);
    last = facts;
  };
}

export function failLine(message: string, ms: number): string {
  return `gantry: ${safe(message)}; retrying in ${Math.round(ms / 1000)} s`;
}

/** Draws over the last picture: from the top left, each line to its end, then nothing below. */
export function frame(text: string, rows: number): string {
  // A terminal that does not know its size reports 0.
  const height = rows > 2 ? rows : 24;
  const lines = text.trimEnd().split('\n');
  const fitting = lines.length < height ? lines : lines.slice(0, height - 2);
  const cut = lines.length - fitting.length;
  const shown = cut > 0 ? [...fitting, `… ${cut} more lines`] : fitting;
  return `\u001b[H${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`;
}
