import { GantryError, isGantryError } from '../shared/base/error.ts';

/**
 * Converts any thrown value to an error with a code, because every failure ends in a report. Errors
 * of the system (ENOSPC, EIO, ENAMETOOLONG, EMFILE …), of its programs and of the runtime's own
 * bounds become `io_error`. Anything else is a fault of Gantry: `internal`.
 *
 * @param step What failed, as the beginning of a sentence: "The root file system could not be laid
 * out".
 */
export function toGantryError(thrown: unknown, step: string): GantryError {
  if (isGantryError(thrown)) return thrown;

  // The message of a failed program ends with a line break.
  const why = (thrown instanceof Error ? thrown.message : String(thrown)).trim();
  return new GantryError(isMachineFailure(thrown) ? 'io_error' : 'internal', `${step}: ${why}.`, {
    cause: thrown,
  });
}

function isMachineFailure(thrown: unknown): boolean {
  // A tree that is nested too deeply overflows the stack, a file that is too large the buffers:
  // both are RangeErrors.
  if (thrown instanceof RangeError) return true;
  if (!(thrown instanceof Error)) return false;

  // `execFile` names its command, `execFileSync` the status that it ended with.
  const isProgramFailure = 'cmd' in thrown || 'status' in thrown;
  return errnoOf(thrown) !== undefined || isProgramFailure;
}

/** The name of a system error (`ENOENT`); undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * True if this process lacks file handles or memory to look at a file, so the error says nothing
 * about the file itself.
 */
export function isExhausted(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes(errnoOf(error) ?? '');
}

/** Whether the control plane has ended this machine's enrolment. */
export function endsEnrolment(error: unknown): error is GantryError {
  return isGantryError(error, 'instance_decommissioned', 'credential_reused');
}
