import picocolors from 'picocolors';

/**
 * Colors only on a terminal. The library also uses colors if `CI` is set, but programs read the
 * output there. `FORCE_COLOR` and `NO_COLOR` override this.
 */
const enabled =
  process.env.FORCE_COLOR !== undefined || (process.stdout.isTTY === true && !process.env.NO_COLOR);

export const colors = picocolors.createColors(enabled);
