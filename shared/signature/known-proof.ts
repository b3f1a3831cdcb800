import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import type { ClaimedProof } from './material.ts';

type LogEntry = SignedEntity['tlogEntries'][number];
type Timestamp = SignedEntity['timestamps'][number];

/**
 * Leaves out the log entries and signed timestamps of logs and authorities that the trust root does
 * not have, as cosign does: a signature may be recorded for several trust roots. What a known log
 * or authority says always counts, so a wrong proof of theirs still refuses the signature. Where
 * the trust root has none of them, they stay, so that the refusal says what is wrong with them.
 */
export function leaveKnownProof(proof: ClaimedProof, trust: TrustMaterial): ClaimedProof {
  const tlogEntries = keepAny(proof.tlogEntries, (entry) => isKnownLog(entry, trust));

  const logTimes = proof.timestamps.filter(
    (time) => time.$case === 'transparency-log' && tlogEntries.includes(time.tlogEntry),
  );
  const signedTimes = keepAny(
    proof.timestamps.filter((time) => time.$case === 'timestamp-authority'),
    (time) => isKnownAuthority(time, trust),
  );

  return { tlogEntries, timestamps: [...logTimes, ...signedTimes] };
}

function keepAny<T>(all: readonly T[], keep: (one: T) => boolean): T[] {
  const kept = all.filter(keep);
  return kept.length > 0 ? kept : [...all];
}

function isKnownLog({ logId }: LogEntry, { tlogs }: TrustMaterial): boolean {
  return tlogs.some((log) => logId !== undefined && log.logID.equals(logId.keyId));
}

/** A timestamp names its signer by the serial number and the issuer of the certificate. */
function isKnownAuthority(time: Timestamp, { timestampAuthorities }: TrustMaterial): boolean {
  if (time.$case !== 'timestamp-authority') return false;
  const { signerSerialNumber, signerIssuer } = time.timestamp;

  return timestampAuthorities.some(({ certChain: [signer] }) => {
    if (signer === undefined) return false;
    return signer.serialNumber.equals(signerSerialNumber) && signer.issuer.equals(signerIssuer);
  });
}
