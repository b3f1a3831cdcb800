import { z } from 'zod';
import { slugSchema } from '../../base/slug.ts';
import { timeSchema } from '../http/index.ts';

export const categorySchema = z
  .object({ slug: z.string(), position: z.number().int(), created_at: timeSchema })
  .meta({ id: 'Category' });

export const createCategoryBody = z.strictObject({
  slug: slugSchema,
  position: z
    .number()
    .int()
    .min(0)
    .max(1000)
    .meta({ description: 'base priority of its layers; higher wins' }),
});

export type CreateCategoryBody = z.infer<typeof createCategoryBody>;
