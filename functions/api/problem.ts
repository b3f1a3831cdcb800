import { STATUS_CODES } from 'node:http';
import { HTTPException } from 'hono/http-exception';
import type { ZodError } from 'zod';
import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { type ErrorCode, errorStatus } from '../../shared/base/error-codes.ts';
import type { Problem } from '../../shared/contract/http/index.ts';

export const problemType = 'application/problem+json';

/**
 * Converts a thrown value to problem details (RFC 9457). Only the message of a GantryError is
 * shown. Any other error is a bug, and its message may contain secrets.
 */
export function problemOf(error: unknown, requestId: string, publicUrl: string): Problem {
  const { code, message, field, expected, found, details } = gantryErrorOf(error);
  const status = errorStatus[code];

  return {
    type: `${publicUrl}/api/v1/docs#error-${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: message,
    ...(field === undefined ? {} : { field }),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(details === undefined ? {} : { details }),
    request_id: requestId,
  };
}

/** Returns true for an error that an operator must investigate. */
export function isUnexpected(error: unknown): boolean {
  return gantryErrorOf(error).code === 'internal';
}

function gantryErrorOf(error: unknown): GantryError {
  if (isGantryError(error)) {
    if (error.code !== 'internal') return error;
  } else if (error instanceof HTTPException && error.status < 500) {
    return new GantryError(
      codeOfStatus[error.status] ?? 'invalid_request',
      error.message || 'expected a valid HTTP request, found a malformed one',
    );
  }
  return new GantryError('internal', 'Gantry failed; search the logs for the request id');
}

/** The codes of the statuses that hono throws. */
const codeOfStatus: Partial<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  404: 'not_found',
  413: 'payload_too_large',
  415: 'content_type_unsupported',
};

/** Returns the error of a request that does not match its schema, with every issue. */
export function invalidRequest(part: string, error: ZodError): GantryError {
  const issues = error.issues.map((issue) => ({
    field: fieldOf(issue.path),
    message: issue.message,
    ...('expected' in issue ? { expected: issue.expected } : {}),
  }));

  const [first] = issues;
  const where = first?.field ? `${first.field}: ` : '';
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : '';

  return new GantryError(
    'invalid_request',
    `the ${part} is invalid: ${where}${first?.message}${more}`,
    {
      ...(first?.field ? { field: first.field } : {}),
      ...(first && 'expected' in first ? { expected: first.expected } : {}),
      details: { issues },
    },
  );
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
