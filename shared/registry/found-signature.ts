import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { nestsDeeper } from '../base/nesting.ts';
import { parseStrictJson } from '../base/strict-json.ts';
import type {
  FoundSignature,
  SignatureSource,
  UnreadableReason,
} from '../domain/signatures/index.ts';

/** Makes the candidate of a signature, a list or an entry that cannot be read. */
export function unreadable(
  format: FoundSignature['format'],
  source: SignatureSource,
  claimed_digest: string,
  error: unknown,
): FoundSignature {
  if (!(error instanceof GantryError)) throw error;
  const reason: UnreadableReason = { code: error.code, message: error.message };
  return format === 'bundle'
    ? { format, source, claimed_digest, bundle: null, unreadable: reason }
    : { format, source, claimed_digest, payload: '', annotations: {}, unreadable: reason };
}

/**
 * Bounds the candidates. If more were found, the last one says so.
 * @param total how many there are
 */
export function upToLimit(
  distinct: FoundSignature[],
  digest: string,
  total: number,
): FoundSignature[] {
  const most = limits.foundSignaturesMax;
  if (total <= most) return distinct.slice(0, most);
  return [...distinct.slice(0, most - 1), reportTooMany(digest, total)];
}

function reportTooMany(digest: string, found: number): FoundSignature {
  const message = `expected at most ${limits.foundSignaturesMax} signatures beside an artifact, found ${found}; the others were not read`;
  const reason: UnreadableReason = { code: 'too_many_signatures', message };

  return {
    format: 'bundle',
    source: 'referrers',
    claimed_digest: digest,
    bundle: null,
    unreadable: reason,
  };
}

/**
 * @throws GantryError `bundle_invalid`
 */
export function parseBundle(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!nestsDeeper(text, limits.bundleDepthMax)) return parseStrictJson(text);
  } catch (cause) {
    throw new GantryError(
      'bundle_invalid',
      `expected a Sigstore bundle, found bytes that are not JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new GantryError(
    'bundle_invalid',
    'expected a Sigstore bundle, found values nested too deeply to read',
  );
}

/** Removes duplicates: content that was attached twice is one signature. */
export function deduplicate(signatures: FoundSignature[]): FoundSignature[] {
  if (signatures.length < 2) return signatures;

  const byContent = new Map<string, FoundSignature>();
  for (const signature of signatures) {
    const content =
      signature.unreadable !== undefined
        ? JSON.stringify([signature.claimed_digest, signature.unreadable.code])
        : signature.format === 'bundle'
          ? JSON.stringify(signature.bundle)
          : JSON.stringify([signature.payload, signature.annotations]);
    if (!byContent.has(content)) byContent.set(content, signature);
  }

  return [...byContent.values()];
}
