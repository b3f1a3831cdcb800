import { HTTPException } from 'hono/http-exception';
import { expect, it } from 'vitest';
import { isUnexpected, problemOf } from '../../../../functions/api/problem.ts';
import { GantryError } from '../../../../shared/base/error.ts';
import { errorStatus } from '../../../../shared/base/error-codes.ts';
import { errorCodes, problemSchema } from '../../../../shared/contract/http/index.ts';

const of = (error: unknown) =>
  problemSchema.parse(problemOf(error, 'req-1', 'https://gantry.example'));

it('a GantryError says its code, sentence, field, expected and found, with the status of its code', () => {
  const error = new GantryError('version_exists', 'expected a new version, found 0.1.0', {
    field: 'version',
    expected: 'a new one',
    found: '0.1.0',
    details: { digest: 'x' },
    cause: new Error('not to be seen'),
  });
  expect(of(error)).toEqual({
    type: 'https://gantry.example/api/v1/docs#error-version_exists',
    title: 'Conflict',
    status: 409,
    code: 'version_exists',
    detail: 'expected a new version, found 0.1.0',
    field: 'version',
    expected: 'a new one',
    found: '0.1.0',
    details: { digest: 'x' },
    request_id: 'req-1',
  });
});

it.each(errorCodes.filter((code) => code !== 'internal'))(
  '%s has the status of the table',
  (code) => {
    expect(of(new GantryError(code, 'why'))).toMatchObject({
      status: errorStatus[code],
      detail: 'why',
    });
  },
);

it.each([
  ['a bug', new TypeError('secret: hunter2')],
  [
    'an internal GantryError',
    new GantryError('internal', 'TABLE_NAME hunter2', { details: 'hunter2' }),
  ],
  ['a thrown string', 'hunter2'],
  ['a 500 of hono', new HTTPException(500, { message: 'hunter2' })],
])('%s is returned without its message, and counts as unexpected', (_, error) => {
  const problem = of(error);
  expect(problem).toMatchObject({ status: 500, code: 'internal', request_id: 'req-1' });
  expect(JSON.stringify(problem)).not.toContain('hunter2');
  expect(isUnexpected(error)).toBe(true);
});

it('a 4xx of hono is the caller’s', () => {
  const error = new HTTPException(400, { message: 'Malformed JSON in request body' });
  expect(of(error)).toMatchObject({ status: 400, code: 'invalid_request' });
  expect(isUnexpected(error)).toBe(false);
});
