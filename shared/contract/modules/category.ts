import { z } from 'zod';
import { slugSchema } from '../../base/slug.ts';
import { categoryFilters } from '../../domain/modules/index.ts';
import { listQuery, timeSchema } from '../http/index.ts';

export const categorySchema = z
  .object({ slug: z.string(), position: z.number().int(), created_at: timeSchema })
  .meta({ id: 'Category' });

const position = z
  .number()
  .int()
  .min(0)
  .max(1000)
  .meta({ description: 'base priority of its layers; higher wins' });

export const createCategoryBody = z.strictObject({ slug: slugSchema, position });

export type CreateCategoryBody = z.infer<typeof createCategoryBody>;

export const updateCategoryBody = z
  .strictObject({ slug: slugSchema.exactOptional(), position: position.exactOptional() })
  .refine((set) => Object.keys(set).length > 0, { error: 'expected one of slug and position' });

export type UpdateCategoryBody = z.infer<typeof updateCategoryBody>;

export const categoriesQuery = listQuery(categoryFilters);

export const categoryParams = z.object({ slug: slugSchema });
