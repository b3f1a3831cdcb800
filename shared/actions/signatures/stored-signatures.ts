import { z } from 'zod';
import { isGantryError } from '../../base/error.ts';
import type { FoundSignature } from '../../domain/signatures/index.ts';
import { getBytes } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';

const evidenceSchema = z.object({
  candidates: z.array(z.custom<FoundSignature>((value) => value instanceof Object)),
});

/** The signatures that lie at an `evidence_key`; none where what lies there is lost or no evidence. They prove nothing unjudged. */
export async function storedSignatures(services: Services, key: string): Promise<FoundSignature[]> {
  try {
    const bytes = await getBytes(services.objects, key);
    return evidenceSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).candidates;
  } catch (error) {
    // The registry may still have what was lost here.
    if (
      isGantryError(error, 'not_found') ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError
    )
      return [];
    throw error;
  }
}
