import picocolors from 'picocolors';

/**
 * Colours on a terminal only. The library also colours where `CI` is set, but what is piped there is read by programs.
 * `FORCE_COLOR` and `NO_COLOR` still have their say.
 */
const wanted =
  process.env.FORCE_COLOR !== undefined || (process.stdout.isTTY === true && !process.env.NO_COLOR);

export const colors = picocolors.createColors(wanted);
