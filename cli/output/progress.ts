/** Programs read the output of `--json`, so it shows no progress. */
interface Flags {
  json?: boolean | undefined;
}

interface Progress {
  /** Replaces the text beside the spinner or bar. */
  message: (text: string) => void;
  /** Sets how much of the work is done, from 0 to 1. */
  advanceTo: (share: number) => void;
  /** Removes the display. */
  stop: () => void;
}

const silent: Progress = { message: () => {}, advanceTo: () => {}, stop: () => {} };

/** Shows a spinner on a terminal, and nothing to programs. */
export async function showSpinner(flags: Flags, text: string): Promise<Progress> {
  if (!isShown(flags)) return silent;

  const { spinner } = await import('@clack/prompts');

  const display = spinner({ output: process.stderr });
  display.start(text);

  return {
    message: (next) => display.message(next),
    advanceTo: () => {},
    stop: () => display.clear(),
  };
}

/** Shows a spinner while `work` runs. */
export async function withSpinner<T>(
  flags: Flags,
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  const spinner = await showSpinner(flags, text);
  return work().finally(spinner.stop);
}

/** Shows a progress bar on a terminal, and nothing to programs. */
export async function showProgressBar(flags: Flags, text: string): Promise<Progress> {
  if (!isShown(flags)) return silent;

  const { progress } = await import('@clack/prompts');

  const percent = 100;
  const display = progress({ max: percent, output: process.stderr });
  let shown = 0;

  display.start(text);

  return {
    message: (next) => display.message(next),
    advanceTo: (share) => {
      const done = Math.floor(share * percent);
      if (done <= shown) return;
      display.advance(done - shown, `${text} ${done} %`);
      shown = done;
    },
    stop: () => display.clear(),
  };
}

function isShown(flags: Flags): boolean {
  return !flags.json && process.stderr.isTTY;
}
