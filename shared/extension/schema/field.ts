import { z } from 'zod';

/** One line of text that people read, at most `max` characters. */
export const line = (max: number) =>
  z
    .string()
    .overwrite((text) => text.replaceAll(/\s+/g, ' ').trim())
    .min(1, 'expected text that is not blank')
    .max(max, `expected at most ${max} characters`)
    .regex(/^\P{Cc}*$/u, 'expected text without control characters');

/** Text of any number of lines, at most `max` characters. */
export const prose = (max: number) =>
  z
    .string()
    .overwrite((text) => text.trim())
    .min(1, 'expected text that is not blank')
    .max(max, `expected at most ${max} characters`)
    .regex(/^(?:\P{Cc}|[\n\t])*$/u, 'expected text without control characters');

/** A URL of a scheme, without a user name or password, which would be seen by everybody. */
export const url = (schemes: readonly string[]) =>
  z
    .string()
    .max(2048, 'expected at most 2048 characters')
    .superRefine((text, context) => {
      const parsed = /[\s\p{Cc}]/u.test(text) || !URL.canParse(text) ? undefined : new URL(text);
      if (parsed === undefined || !schemes.includes(parsed.protocol)) {
        const names = schemes.map((scheme) => `${scheme}//`).join(' or ');
        const message = `expected a URL that begins with ${names}, found ${JSON.stringify(text)}`;
        context.addIssue({ code: 'custom', message });
        return;
      }

      if (parsed.username === '' && parsed.password === '') return;
      const message = 'expected a URL without a user name and password, which everybody would see';
      context.addIssue({ code: 'custom', message });
    });

const detail: z.ZodType<Detail> = z.lazy(() =>
  z.union([z.string(), z.null(), z.array(detail), z.record(z.string(), detail)]),
);

type Detail = string | null | Detail[] | { [name: string]: Detail };

/** Free values, which nobody interprets. */
export const details = z.record(z.string(), detail);
