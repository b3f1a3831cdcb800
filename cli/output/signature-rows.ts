import type { z } from 'zod';
import type { signatureVerdictSchema } from '../../shared/contract/modules/index.ts';
import { attestationText } from '../../shared/domain/signatures/index.ts';
import { colors } from './colors.ts';
import { safe } from './table.ts';

type Verdict = z.infer<typeof signatureVerdictSchema>;

/** Formats each signature: where it was found, who signed, and the error or the proof. */
export function formatSignatures(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap((verdict) => {
    const { verified, attestation, format, source, claimed_digest, identity, issuer, key_id } =
      verdict;
    const signer = identity
      ? `${identity} (${issuer})`
      : key_id
        ? `key ${key_id}`
        : 'signer unknown';

    const counts = verified || attestation !== undefined;
    const mark = counts ? colors.green('✓') : colors.red('✗');
    const where = `${format} (${source}${claimed_digest === undefined ? '' : ` ${claimed_digest}`})`;
    const details = counts ? formatProof(verdict) : [`${verdict.code}: ${verdict.message}`];

    return [`  ${mark} ${where}`, ...[signer, ...details].map((line) => `      ${safe(line)}`)];
  });
}

function formatProof({ attestation, proof, claims }: Verdict): string[] {
  return [
    ...(attestation === undefined ? [] : [attestationText(attestation)]),
    ...(proof?.log_entries ?? []).map(({ log_id, index, logged_at }) => {
      const at = logged_at === null ? '' : `, at ${logged_at}`;
      return `transparency log ${log_id.slice(0, 12)}, entry ${index}${at}`;
    }),
    ...(proof?.timestamps ?? []).map((time) => `signed timestamp ${time}`),
    ...Object.entries(claims ?? {}).map(([name, value]) => `${name} ${value}`),
  ];
}
