import { z } from 'zod';
import { mediaTypeOf } from '../../attestation/index.ts';
import { mapConcurrently } from '../../base/concurrency.ts';
import { isGantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { ArtifactVerdict, FoundSignature } from '../../domain/signatures/index.ts';
import { readDocument } from '../../signature/index.ts';
import { getBytes, objectKeys, putByDigest } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';

const storedSchema = z.object({
  candidates: z.array(z.custom<FoundSignature>((value) => value instanceof Object)),
});

/**
 * Stores the signatures that satisfied the policy, and verified attestations. Agents verify them
 * again, so they do not need the others. The documents of the attestations are stored by their own
 * digests too.
 * @returns the `stored_signatures_key`
 */
export async function storeSignatures(
  services: Services,
  account: string,
  verdict: ArtifactVerdict,
  found: FoundSignature[],
): Promise<string> {
  const candidates = found.filter((_, index) => {
    const { verified, attestation } = verdict.signatures[index] ?? {};
    return verified === true || attestation !== undefined;
  });
  await storeDocuments(services, account, verdict, found);

  const text = JSON.stringify({ digest: verdict.digest, candidates });

  const key = objectKeys.storedSignatures(account, `sha256:${sha256Hex(text)}`);
  await putByDigest(
    services.objects,
    { key, body: text, type: 'application/json' },
    services.now(),
  );
  return key;
}

async function storeDocuments(
  services: Services,
  account: string,
  { signatures }: ArtifactVerdict,
  found: FoundSignature[],
): Promise<void> {
  await mapConcurrently([...found.entries()], limits.storeReadsAtOnce, async ([index, one]) => {
    const { attestation } = signatures[index] ?? {};
    if (attestation?.document === undefined) return;

    const body = readDocument(one);
    if (body === null || `sha256:${sha256Hex(body)}` !== attestation.document.digest) return;

    const key = objectKeys.document(account, attestation.document.digest);
    const type = mediaTypeOf({ format: attestation.format ?? null });
    await putByDigest(services.objects, { key, body, type }, services.now());
  });
}

/**
 * Returns the signatures at a `stored_signatures_key`; none if the object is lost or holds other
 * content. They prove nothing until they are verified.
 */
export async function readStoredSignatures(
  services: Services,
  key: string,
): Promise<FoundSignature[]> {
  try {
    const bytes = await getBytes(services.objects, key);
    return storedSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).candidates;
  } catch (error) {
    // The registry may still have the lost signatures.
    const lost =
      isGantryError(error, 'not_found') ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError;
    if (lost) return [];

    throw error;
  }
}
