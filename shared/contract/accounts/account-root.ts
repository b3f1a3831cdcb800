import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { timeSchema } from '../http/index.ts';

const keyId = z.string().regex(/^[0-9a-f]{64}$/, 'expected a key id of 64 hex digits');
const publicKey = z.string().max(1000).meta({ description: 'PEM (SPKI), ECDSA P-256 or Ed25519' });

const rootKeySchema = z.object({
  key_id: z.string(),
  type: z.enum(['ecdsa', 'ed25519']),
  /** PEM, SPKI. */
  public_key: z.string(),
});

const rootSchema = z
  .object({
    version: z.int(),
    expires_at: timeSchema,
    /** Signatures of `keys` that the next root needs. */
    threshold: z.int(),
    keys: z.array(rootKeySchema),
    /** Signs desired states. */
    director: rootKeySchema,
    /** The TUF metadata, base64 of its bytes. */
    metadata: z.string(),
  })
  .meta({ id: 'Root' });

/** An account root that is or was in force. Agents pin its SHA-256. */
export const rootAnswer = z.object({ root: rootSchema.extend({ sha256: z.string() }) });
export const rootParams = z.object({ version: z.coerce.number().int().min(1).max(1_000_000) });

export const trustAnswer = z
  .object({
    root: rootSchema.extend({ sha256: z.string() }),
    superseded: z.array(
      z.object({ version: z.int(), sha256: z.string(), superseded_at: timeSchema }),
    ),
    proposal: rootSchema
      .extend({
        proposed_by: z.string(),
        proposed_at: timeSchema,
        /** Of both roots: the keys that signed, and those whose signatures are still needed. */
        needs: z.array(
          z.object({
            of: z.enum(['current', 'proposed']),
            threshold: z.int(),
            signed: z.array(z.string()),
            missing: z.array(z.string()),
          }),
        ),
        /** New keys that must sign, at any threshold, to prove that somebody holds them. */
        unproven: z.array(z.string()),
      })
      .nullable(),
  })
  .meta({ id: 'Trust' });

export const proposeRootBody = z
  .strictObject({
    add: z.array(publicKey).max(limits.rootKeysMax).exactOptional(),
    remove: z.array(keyId).max(limits.rootKeysMax).exactOptional(),
    threshold: z.int().min(1).max(limits.rootKeysMax).exactOptional(),
    rotate: z
      .boolean()
      .meta({ description: 'replace the director key with a new one' })
      .exactOptional(),
  })
  .refine((body) => Object.keys(body).length > 0, {
    error: 'expected one of add, remove, threshold and rotate',
  });

/** Over the canonical JSON of the proposed root's `signed`: ECDSA in DER, or Ed25519; hex. */
export const signRootBody = z.strictObject({
  key_id: keyId,
  signature: z.string().regex(/^([0-9a-f]{2}){64,80}$/, 'expected a signature in hex'),
});
