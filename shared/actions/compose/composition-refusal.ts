import { GantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';

const lasting: readonly ErrorCode[] = [
  'capability_conflict',
  'category_unknown',
  'instance_entry_unsupported',
  'glob_too_complex',
  'user_conflict',
  'service_conflict',
  'service_cycle',
  'service_invalid',
  'sudo_invalid',
  'generated_path_conflict',
];

/** Returns true for an error that only a person can resolve: composing again fails again. */
export function isRefusal(error: unknown): error is GantryError {
  return (
    error instanceof GantryError &&
    (error.code.startsWith('composition_') || lasting.includes(error.code))
  );
}
