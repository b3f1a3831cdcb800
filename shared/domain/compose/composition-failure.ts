import type { ErrorCode } from '../../base/error-codes.ts';
import type { Track } from '../templates/index.ts';

/** Why a track of a template cannot be composed now. The previous composition stays. */
export interface CompositionFailure {
  account: string;
  template_id: string;
  track: Track;
  code: ErrorCode;
  message: string;
  /** When it first failed for this reason. */
  since: string;
}
