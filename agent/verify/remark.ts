import type { ErrorCode } from '../../shared/base/error-codes.ts';

/**
 * Something that a report mentions beside its outcome: what was wrong and is repaired
 * (`store_tampered`, `root_tampered`), a clock that somebody must set (`clock_skew`), or a further
 * failure.
 */
export interface Remark {
  code: ErrorCode;
  message: string;
}
