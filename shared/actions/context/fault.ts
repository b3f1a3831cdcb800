import { GantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';

/**
 * The code and sentence that people see of an error that stopped a stage. An error without a code
 * may hold internals, so only the log has its text.
 */
export function faultOf(error: unknown, stage: string): { code: ErrorCode; message: string } {
  if (error instanceof GantryError) return { code: error.code, message: error.message };
  return {
    code: 'internal',
    message: `an internal error stopped ${stage}; see its log. Gantry tries again.`,
  };
}
