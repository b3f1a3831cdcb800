import { GantryError } from '../../../shared/base/error.ts';

/** Names the directory whose disk is full; returns any other error as it is. */
export function diskError(error: unknown, directory: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;

  const message = `expected free space for ${directory}, found a full disk; free some, or set TMPDIR and XDG_CACHE_HOME to another disk`;
  return new GantryError('disk_full', message, { field: directory, cause: error });
}
