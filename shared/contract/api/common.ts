import { z } from 'zod';
import { roles } from '../../domain/role.ts';
import { tracks } from '../../domain/template.ts';
import { errorStatus } from '../error-codes.ts';

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

export const timeSchema = z.iso.datetime().meta({ description: 'UTC, ISO 8601' });
export const roleSchema = z.enum(roles);
export const trackSchema = z.enum(tracks);

/** Metadata of assignments and instances: flat, so that `${instance.<key>}` always has one text form. */
export const metadataSchema = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/, 'expected a key of letters, digits, "_", "." and "-"'),
    // It travels in signed metadata, whose canonical JSON has no fractions.
    z.union([z.string().max(4096), z.int('expected a whole number; write a fraction as text'), z.boolean()]),
  )
  .refine((metadata) => Object.keys(metadata).length <= 100, 'expected at most 100 keys');

/** One page of a list: at most `limit` items after the place that `cursor` names. */
export const pageQuery = z.object({
  limit: z.coerce.number<number>().int().min(1).max(1000).default(100),
  cursor: z.string().max(1024).exactOptional().meta({ description: 'next_cursor of the page before' }),
});
export type PageQuery = z.infer<typeof pageQuery>;

/** `{<noun>s: […], next_cursor}`; `next_cursor` is null on the last page. */
export function pageOf<Noun extends string, Item extends z.ZodType>(noun: Noun, item: Item) {
  return z.object({ [noun]: z.array(item), next_cursor: z.string().nullable() } as {
    [K in Noun]: z.ZodArray<Item>;
  } & { next_cursor: z.ZodNullable<z.ZodString> });
}

export const personName = z.string().trim().min(1).max(200);
