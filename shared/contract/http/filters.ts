import { z } from 'zod';
import type { Filter, Filters } from '../../base/filters.ts';
import { pageQuery } from './paging.ts';

const text = z.string().min(1).max(200);

function schemaOf(filter: Filter): z.ZodType {
  const { kind, about: description } = filter;
  if (kind === 'flag') return z.stringbool().default(false).meta({ description });
  const schema = kind === 'choice' ? z.enum(filter.choices) : text;
  return schema.exactOptional().meta({ description });
}

type SchemaOf<F extends Filter> = F extends { kind: 'flag' }
  ? z.ZodDefault<z.ZodCodec<z.ZodString, z.ZodBoolean>>
  : z.ZodExactOptional<
      F extends { choices: readonly (infer Choice extends string)[] }
        ? z.ZodEnum<{ [Each in Choice]: Each }>
        : z.ZodString
    >;

type Shape<F extends Filters> = { [Name in keyof F]: SchemaOf<F[Name]> };

/** The query of a list with filters: a page, and a value for each filter. */
export function listQuery<const F extends Filters>(filters: F) {
  const shape = Object.entries(filters).map(([name, filter]) => [name, schemaOf(filter)]);
  // The entries are those of the filters, each with the schema that `SchemaOf` names.
  return pageQuery.extend(Object.fromEntries(shape) as Shape<F>);
}
