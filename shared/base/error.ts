import type { ErrorCode } from './error-codes.ts';

/**
 * Room for a sentence with two of the longest paths; a small part of what a row of the table holds.
 */
const messageLengthMax = 10_000;

/**
 * What an error can say besides its sentence. All of it may be shown to the caller, so no secrets.
 */
export interface ErrorContext {
  /** The field or key path the error is about, e.g. `cosign_identity_regexp` or `file_spec[2]`. */
  field?: string;
  expected?: unknown;
  found?: unknown;
  /** Further machine-readable facts, e.g. the list of manifest problems. */
  details?: unknown;
  cause?: unknown;
}

/**
 * The only error that leaves a module of Gantry on purpose. `code` is stable and documented;
 * `message` is one sentence that says what was expected and what was found. Any other error is a
 * bug and returns status 500.
 */
export class GantryError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly expected: unknown;
  readonly found: unknown;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(shorten(message), context.cause === undefined ? undefined : { cause: context.cause });
    this.name = new.target.name;
    this.code = code;
    this.field = context.field;
    this.expected = context.expected;
    this.found = context.found;
    this.details = context.details;
  }
}

/**
 * A sentence may quote hostile text of many megabytes, or halves of characters. Both are removed
 * here, so that every row and response can hold it.
 */
function shorten(message: string): string {
  return message.length <= messageLengthMax
    ? message.toWellFormed()
    : `${message.slice(0, messageLengthMax).toWellFormed()}…`;
}

export function isGantryError(error: unknown, ...codes: ErrorCode[]): error is GantryError {
  return error instanceof GantryError && (codes.length === 0 || codes.includes(error.code));
}
