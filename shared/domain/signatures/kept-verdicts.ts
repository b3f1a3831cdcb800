import { limits } from '../../base/limits/index.ts';
import type { SignatureVerdict } from './signature.ts';

/**
 * Verdicts as rows keep them: a certificate may name its signer in a megabyte, fifty may do so, and a row holds 400 KB. Where
 * long texts are too many, all are cut short, and what the certificates say of workflows and logs is left out.
 */
export function keptVerdicts(verdicts: SignatureVerdict[]): SignatureVerdict[] {
  const kept = cut(verdicts, limits.verdictTextMax);
  if (Buffer.byteLength(JSON.stringify(kept)) <= limits.verdictBytesMax) return kept;
  return cut(
    kept.map(({ claims: _, proof: __, ...verdict }) => verdict),
    limits.verdictTextShortMax,
  );
}

function cut<T>(value: T, textMax: number): T {
  return JSON.parse(JSON.stringify(value), (_, inner) =>
    typeof inner === 'string' ? inner.slice(0, textMax) : inner,
  );
}
