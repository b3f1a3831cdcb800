import type { z } from 'zod';
import { GantryError } from './error.ts';

/**
 * Parses JSON that Gantry stored in S3, where others may be able to write. Throws `io_error` for
 * bytes that are not of the schema.
 * @param what the object in words, such as `a composition record at <key>`
 */
export function parseStored<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  what: string,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new GantryError('io_error', `expected ${what}, found bytes that are not JSON`, { cause });
  }

  const parsed = schema.safeParse(json, { reportInput: true });
  if (parsed.success) return parsed.data;

  throw new GantryError('io_error', `expected ${what}${inWords(parsed.error)}`);
}

function inWords({ issues }: z.ZodError): string {
  const format = issues.find(({ path }) => path.length === 1 && path[0] === 'format');
  if (format?.code === 'invalid_value') {
    return ` of format ${format.values.join(' or ')}, found ${format.input}`;
  }

  const [issue] = issues;
  return `; ${issue?.path.join('.') || 'the document'} is wrong: ${issue?.message}`;
}
