import type { z } from 'zod';
import type { warningSchema } from '../../shared/contract/upkeep/index.ts';
import { table } from './table.ts';

type Warning = z.infer<typeof warningSchema>;

/** Formats warnings as a table; '' if there are none. */
export function formatWarnings(warnings: readonly Warning[]): string {
  return table(
    ['WARNING', 'SINCE', 'WHAT'],
    warnings.map(({ sensor, since, message }) => [sensor, since, message]),
    '',
  );
}
