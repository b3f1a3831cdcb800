import { limits } from '../../base/limits/index.ts';
import type { SignatureVerdict } from './signature.ts';

/**
 * Truncates verdicts so that they fit a row, which holds 400 KB: a certificate may name its signer
 * in a megabyte, and fifty may do so. If many texts are long, all are cut shorter, and the claims
 * and proofs are left out.
 */
export function truncateVerdicts(verdicts: SignatureVerdict[]): SignatureVerdict[] {
  const truncated = truncateTexts(verdicts, limits.verdictTextMax);
  if (Buffer.byteLength(JSON.stringify(truncated)) <= limits.verdictBytesMax) return truncated;

  return truncateTexts(
    truncated.map(({ claims: _, proof: __, ...verdict }) => verdict),
    limits.verdictTextShortMax,
  );
}

function truncateTexts<T>(value: T, textMax: number): T {
  return JSON.parse(JSON.stringify(value), (_, inner) =>
    // Half a surrogate pair would not fit a row.
    typeof inner === 'string' ? inner.slice(0, textMax).toWellFormed() : inner,
  );
}
