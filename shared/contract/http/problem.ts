import { z } from 'zod';
import { errorStatus } from '../../base/error-codes.ts';

/** RFC 9457 problem details: the body of every error response, as `application/problem+json`. */
export const problemSchema = z
  .object({
    /** `<public URL>/api/v1/docs#<code>`: the explanation of the code. */
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    /** Stable; the closed list is errorStatus of error-codes.ts. */
    code: z.string(),
    /** One sentence with the expected and the found value. */
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
