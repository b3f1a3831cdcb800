import { z } from 'zod';

/** One page of a list: at most `limit` items after the place that `cursor` names. */
export const pageQuery = z.object({
  limit: z.coerce.number<number>().int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .max(1024)
    .exactOptional()
    .meta({ description: 'next_cursor of the previous page' }),
});

export type PageQuery = z.infer<typeof pageQuery>;

/** `{<noun>s: […], next_cursor}`; `next_cursor` is null on the last page. */
export function pageOf<Noun extends string, Item extends z.ZodType>(noun: Noun, item: Item) {
  return z.object({ [noun]: z.array(item), next_cursor: z.string().nullable() } as {
    [K in Noun]: z.ZodArray<Item>;
  } & { next_cursor: z.ZodNullable<z.ZodString> });
}
