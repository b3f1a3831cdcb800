import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { FoundSignature, SignatureSource } from '../domain/signatures/index.ts';
import type { RegistryClient } from './client.ts';
import { concernsOne, isOutage, mayMeanAbsence } from './failure.ts';
import { unreadable } from './found-signature.ts';
import type { Descriptor } from './schema.ts';

/** Manifests read concurrently: enough to hide latency, few enough for the limits of a registry. */
export const concurrency = 4;

type Kind = 'signature' | 'attestation';

const bytesMax = {
  signature: { one: limits.signatureBytesMax, all: limits.foundSignaturesBytesMax },
  attestation: { one: limits.attestationBytesMax, all: limits.foundAttestationsBytesMax },
} as const;

/** Reads the signatures of one artifact, and counts them. */
export interface Reader {
  client: RegistryClient;
  repository: string;
  /**
   * Signatures counted so far. Those beyond `limits.foundSignaturesMax` are counted but not read.
   */
  met: number;
  /** Bytes that were read or are being read. Those beyond the limit of their kind are not read. */
  bytes: Record<Kind, number>;
  /** Digests of the layers that were read. */
  blobs: Set<string>;
  /** Why the registry refused places where signatures can be. */
  refusals: GantryError[];
}

export function createReader(client: RegistryClient, repository: string): Reader {
  const bytes = { signature: 0, attestation: 0 };
  return { client, repository, met: 0, bytes, blobs: new Set(), refusals: [] };
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
  kind: Kind,
): Promise<Uint8Array | null> {
  reader.met += 1;
  if (reader.met > limits.foundSignaturesMax) return null;

  const material = Object.values(layer.annotations ?? {}).reduce(
    (sum, value) => sum + value.length,
    0,
  );
  const size = Math.max(layer.size, material);
  requireRoom(reader, kind, size);

  reader.bytes[kind] += size;
  reader.blobs.add(layer.digest);
  try {
    return await reader.client.readBlob(reader.repository, layer, bytesMax[kind].one);
  } catch (error) {
    // The size is a claim: what is not there takes no room of others.
    reader.bytes[kind] -= size;
    throw error;
  }
}

/** @throws GantryError `signature_too_large` */
function requireRoom({ bytes }: Reader, kind: Kind, size: number): void {
  const { one, all } = bytesMax[kind];
  if (size > one) {
    throw new GantryError(
      'signature_too_large',
      `expected a signature of at most ${one} bytes, found ${size}`,
      { expected: one, found: size },
    );
  }

  const found = bytes[kind] + size;
  if (found <= all) return;
  throw new GantryError(
    'signature_too_large',
    `expected the ${kind}s of an artifact to have at most ${all} bytes together, found more; this one was not read`,
    { expected: all, found },
  );
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

/** Waits for each, also where one fails: no request runs on after its caller has given up. */
export async function waitForAll<T extends readonly unknown[] | []>(parts: T) {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}
