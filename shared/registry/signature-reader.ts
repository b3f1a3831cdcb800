import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { FoundSignature, SignatureSource } from '../domain/signatures/index.ts';
import type { RegistryClient } from './client.ts';
import { concernsOne, isOutage, mayMeanAbsence } from './failure.ts';
import { unreadable } from './found-signature.ts';
import type { Descriptor } from './schema.ts';

/** Manifests read concurrently: enough to hide latency, few enough for the limits of a registry. */
export const concurrency = 4;

/** Reads the signatures of one artifact, and counts them. */
export interface Reader {
  client: RegistryClient;
  repository: string;
  /**
   * Signatures counted so far. Those beyond `limits.foundSignaturesMax` are counted but not read.
   */
  met: number;
  /** Bytes counted so far. Those beyond `limits.foundSignaturesBytesMax` are not read either. */
  bytes: number;
  /** Digests of the layers that were read. */
  blobs: Set<string>;
  /** Why the registry refused places where signatures can be. */
  refusals: GantryError[];
}

export function createReader(client: RegistryClient, repository: string): Reader {
  return { client, repository, met: 0, bytes: 0, blobs: new Set(), refusals: [] };
}

/**
 * Notes the refusal of a place where signatures can be. Returns false for a place that has
 * something, which cannot be read.
 * @throws the error if it is an outage
 */
export function wasRefused({ refusals }: Reader, error: unknown): boolean {
  if (mayMeanAbsence(error)) {
    refusals.push(error);
    return true;
  }

  if (isOutage(error)) throw error;
  return false;
}

/**
 * Returns null beyond the limit: fifty referrers of fifty signatures each would be an attack on our
 * memory.
 */
export async function readSignature(
  reader: Reader,
  layer: Descriptor,
  bytesMax: number = limits.signatureBytesMax,
): Promise<Uint8Array | null> {
  reader.met += 1;
  if (reader.met > limits.foundSignaturesMax) return null;

  const material = Object.values(layer.annotations ?? {}).reduce(
    (sum, value) => sum + value.length,
    0,
  );
  const size = Math.max(layer.size, material);

  if (size > bytesMax) {
    throw new GantryError(
      'signature_too_large',
      `expected a signature of at most ${bytesMax} bytes, found ${size}`,
      { expected: bytesMax, found: size },
    );
  }

  if (reader.bytes + size > limits.foundSignaturesBytesMax) {
    const expected = limits.foundSignaturesBytesMax;
    throw new GantryError(
      'signature_too_large',
      `expected the signatures and attestations of an artifact to have at most ${expected} bytes together, found more; this one was not read`,
      { expected, found: reader.bytes + size },
    );
  }

  reader.bytes += size;
  reader.blobs.add(layer.digest);
  return reader.client.readBlob(reader.repository, layer, bytesMax);
}

export async function readOrReport(
  format: FoundSignature['format'],
  source: SignatureSource,
  claimedDigest: string,
  read: () => Promise<FoundSignature[]>,
): Promise<FoundSignature[]> {
  try {
    return await read();
  } catch (error) {
    if (!concernsOne(error)) throw error;
    return [unreadable(format, source, claimedDigest, error)];
  }
}
