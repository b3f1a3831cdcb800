import { VerificationError } from '@sigstore/verify';
import { GantryError } from '../base/error.ts';
import type { ErrorCode } from '../base/error-codes.ts';

/** Why a signature does not count. It is thrown only within this folder and becomes a verdict. */
export class Refusal extends GantryError {}

export function refuse(code: ErrorCode, message: string, cause?: unknown): never {
  throw new Refusal(code, message, { cause });
}

// The codes of @sigstore/verify are coarser than ours, so its messages decide. Tests fail if these
// messages change.
const byMessage: [RegExp, ErrorCode][] = [
  [/expected \d+ SCTs/, 'sct_missing'],
  [/SCT/, 'sct_invalid'],
  [/expected \d+ timestamps/, 'timestamp_missing'],
  [/expected \d+ tlog entries/, 'tlog_missing'],
  [/not valid or expired/, 'certificate_expired'],
];

const byCode: Record<string, ErrorCode> = {
  TLOG_ERROR: 'tlog_invalid',
  TLOG_INCLUSION_PROOF_ERROR: 'tlog_invalid',
  TLOG_INCLUSION_PROMISE_ERROR: 'tlog_invalid',
  TLOG_MISSING_INCLUSION_ERROR: 'tlog_invalid',
  TLOG_BODY_ERROR: 'tlog_invalid',
  CERTIFICATE_ERROR: 'certificate_untrusted',
  PUBLIC_KEY_ERROR: 'key_mismatch',
  SIGNATURE_ERROR: 'signature_invalid',
  TIMESTAMP_ERROR: 'timestamp_invalid',
};

/**
 * Converts an error of the verification library to a refusal. Malformed material becomes
 * `bundle_invalid`.
 */
export function toRefusal(error: unknown): GantryError {
  if (error instanceof GantryError) return error;
  if (!(error instanceof VerificationError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return new Refusal(
      'bundle_invalid',
      `expected well-formed signature material, found: ${reason}`,
      { cause: error },
    );
  }

  const reasons = [error.message];
  if (error.cause instanceof Error) reasons.push(error.cause.message);
  const text = reasons.join(': ');
  const code =
    byMessage.find(([pattern]) => pattern.test(text))?.[1] ??
    byCode[error.code] ??
    'signature_invalid';

  return new Refusal(code, text, { cause: error });
}
