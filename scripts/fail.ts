import { GantryError } from '../shared/base/error.ts';

/**
 * Ends a script with an error: prints one sentence for an expected error, and the stack for any
 * other.
 */
export function fail(error: unknown): never {
  // Error codes of parseArgs: an option does not exist, or lacks its value.
  const misused =
    error instanceof TypeError &&
    String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  const foreseen = misused || error instanceof GantryError;

  const text = !(error instanceof Error)
    ? String(error)
    : foreseen
      ? error.message
      : (error.stack ?? error.message);

  process.stderr.write(`gantry: ${text}\n`);
  process.exit(foreseen ? 2 : 1);
}

/**
 * Calls `stop` once when this process has to end, by the terminal, a signal, or the death of its
 * starter; then ends with `process.exitCode`, which `stop` may set.
 */
export function onStopRequest(stop: () => Promise<void>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    process.stderr.write('Stopping…\n');
    stop().then(() => process.exit(), fail);
  };

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // scripts/bootstrap.mjs holds the other end.
  if (process.channel) {
    process.on('disconnect', end);
    process.channel.unref();
  }
}
