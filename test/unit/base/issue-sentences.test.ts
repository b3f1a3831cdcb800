import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiRoutes } from '../../../functions/api/routes/index.ts';
import { useIssueSentences } from '../../../shared/base/issue-sentences.ts';

useIssueSentences();

/** What a schema says about a value. */
function sentence(schema: z.ZodType, value: unknown): string | undefined {
  return schema.safeParse(value).error?.issues[0]?.message;
}

describe('the sentence of a schema', () => {
  it.each([
    [z.string(), 1, 'expected text, found a number'],
    [z.boolean(), null, 'expected true or false, found null'],
    [z.array(z.string()), undefined, 'expected a list, found nothing'],
    [z.int(), 1.5, 'expected a whole number, found a number'],
    [z.number().min(60), 5, 'expected at least 60, found 5'],
    [z.string().max(2), 'abc', 'expected at most 2 characters, found 3'],
    [z.array(z.string()).min(1), [], 'expected at least 1 item, found 0'],
    [z.enum(['a', 'b']), 'c', 'expected one of a, b, found "c"'],
    [z.literal('a'), 7, 'expected a, found a number'],
    [z.email(), 'x', 'expected an e-mail address, found another text'],
    [
      z.iso.datetime(),
      'tomorrow',
      'expected a UTC time, such as 2027-01-01T00:00:00Z, found another text',
    ],
    [z.strictObject({}), { trial: 1 }, 'expected no field trial, found it'],
    [
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a') }),
        z.object({ kind: z.literal('b') }),
      ]),
      { kind: 'c' },
      'expected kind among a, b, found another',
    ],
    [
      z.union([z.string(), z.boolean()]),
      1,
      'expected text, found a number, or expected true or false, found a number',
    ],
  ])('%#', (schema, value, expected) => {
    expect(sentence(schema, value)).toBe(expected);
  });

  it('repeats no value but a short choice', () => {
    const secret = 'hunter2'.repeat(20);
    expect(sentence(z.enum(['a']), secret)).not.toContain('hunter2');
    expect(sentence(z.email(), secret)).not.toContain('hunter2');
  });
});

const values = [null, 1, -1, 1.5, '', 'x', 'x'.repeat(5000), true, [], [1], {}, { kind: 'x' }];

/** A value for each field of an object, all others absent, and each value alone. */
function wrongBodies(schema: z.ZodType): unknown[] {
  const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const all = values.map((value) => Object.fromEntries(fields.map((field) => [field, value])));
  return [...values, ...all, { unknown: 1 }];
}

const schemas = apiRoutes.flatMap(({ method, path, body, query, params }) =>
  Object.entries({ body, query, params }).flatMap(([part, schema]): [string, z.ZodType][] =>
    schema === undefined ? [] : [[`${method} ${path} ${part}`, schema]],
  ),
);

it.each(schemas)('%s says every problem as expected and found', (_, schema) => {
  const said = wrongBodies(schema).flatMap(
    (value) => schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [],
  );
  expect(said.filter((message) => !message.startsWith('expected '))).toEqual([]);
});
