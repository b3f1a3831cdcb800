import { z } from 'zod';
import { errorStatus } from '../../base/error-codes.ts';

/** RFC 9457 problem details: what every error answers with, as `application/problem+json`. */
export const problemSchema = z
  .object({
    /** `<public URL>/api/v1/docs#<code>`: where the code is explained. */
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    /** Stable; the closed list is errorStatus of error-codes.ts. */
    code: z.string(),
    /** One sentence: what was expected, what was found. */
    detail: z.string(),
    field: z.string().exactOptional(),
    expected: z.unknown().optional(),
    found: z.unknown().optional(),
    details: z.unknown().optional(),
    request_id: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

export type Problem = z.infer<typeof problemSchema>;

export const errorCodes = Object.keys(errorStatus) as (keyof typeof errorStatus)[];
