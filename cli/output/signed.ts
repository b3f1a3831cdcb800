import { signPredicateType } from '../../shared/domain/signatures/index.ts';
import type { Attached } from '../sign/artifact.ts';

/** One line about a bundle that was attached. */
export function formatAttached({ subject, predicate_type }: Attached): string {
  return predicate_type === signPredicateType
    ? `signed ${subject}`
    : `attested ${subject}: ${predicate_type}`;
}

/** Who signed, and where that is logged. */
export function formatSigner({ identity, issuer, key_id, log_indexes }: Attached): string[] {
  return [
    ...(key_id === null ? [] : [`key ${key_id}`]),
    ...(identity === null ? [] : [`identity ${identity}`, `issuer ${issuer}`]),
    ...(log_indexes.length === 0 ? [] : [`log index ${log_indexes.join(', ')}`]),
  ];
}
