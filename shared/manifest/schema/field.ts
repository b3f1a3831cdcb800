import { z } from 'zod';
import { isGantryError } from '../../base/error.ts';
import { slugPattern } from '../../base/slug.ts';
import { compileGlob } from '../../files/index.ts';
import { describeValue } from '../problem.ts';

/** Converts an error of a parser into a problem with the parsed string. */
export function refineWith(
  parse: (text: string) => unknown,
): (text: string, context: z.RefinementCtx<string>) => void {
  return (text, context) => {
    try {
      parse(text);
    } catch (error) {
      if (!isGantryError(error)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  };
}

/** One line of text, at most `max` characters. YAML's block texts end with a line break. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .max(max, `expected at most ${max} characters`)
    .regex(/^\P{Cc}*$/u, 'expected one line of text');

/** A text that lists show in one line, whatever lines its author wrote it in. */
export const title = (max: number) =>
  z
    .string()
    .overwrite((text) => text.replaceAll(/\s+/g, ' ').trim())
    .max(max, `expected at most ${max} characters`)
    .superRefine((text, context) => {
      if (!/\p{Cc}/u.test(text)) return;
      const message = `expected text without control characters, found ${describeValue(text)}`;
      context.addIssue({ code: 'custom', message });
    });

/** A text of one form; `expected` says which, as in `expected CAP_ and capital letters`. */
export const form = (pattern: RegExp, expected: string) => z.string().regex(pattern, expected);

/** A whole number from `min` to `max`. */
export const whole = (min: number, max: number) => {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z.int().min(min, expected).max(max, expected);
};

export const glob = z.string().superRefine(refineWith(compileGlob));

const slug = slugPattern.source.slice(1, -1);

export const moduleReference = form(
  new RegExp(`^(?:${slug}/)?${slug}$`),
  'expected <module> or <account>/<module>',
).max(129, 'expected at most 129 characters');

/** A list that is part of every canonical manifest, empty if its author wrote none. */
export const list = <Item extends z.ZodType>(
  item: Item,
  description: string,
  example: z.input<Item>[],
  max?: number,
) => {
  const items = z.array(item);
  return (max === undefined ? items : items.max(max, `expected at most ${max} entries`))
    .default([])
    .meta({ description, examples: [example] });
};

/** A key that a manifest may lack, with its meaning and an example. */
export const key = <Type extends z.ZodType>(
  type: Type,
  description: string,
  example: z.input<Type>,
) => type.exactOptional().meta({ description, examples: [example] });

/** A list of entries of which no two have the same value of a field. */
export const distinct = <Item extends z.ZodObject>(
  item: Item,
  field: string & keyof Item['shape'],
) =>
  z.array(item).superRefine((entries, context) => {
    const seen = new Set<unknown>();
    for (const [index, entry] of entries.entries()) {
      const value = (entry as Record<string, unknown>)[field];
      const message = `expected a ${field} that no other entry has, found ${JSON.stringify(value)} again`;
      if (seen.has(value)) context.addIssue({ code: 'custom', path: [index, field], message });
      seen.add(value);
    }
  });
