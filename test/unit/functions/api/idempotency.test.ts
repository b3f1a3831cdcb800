import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seal, unseal } from '../../../../functions/api/idempotency.ts';

const request = { bearer: 'gantry_secret', key: 'key-1' };

it('a stored response is readable only by its sender, and the table does not hold its text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(unseal(seal(plain, request), request)).toEqual(plain);
    }),
  );
  expect(Buffer.from(seal({ secret: 'gantry_shown_once' }, request)).toString()).not.toContain(
    'shown_once',
  );
});

it.each([
  { ...request, bearer: 'gantry_other' },
  { ...request, key: 'key-2' },
])('is closed to %o', (other) => {
  expect(() => unseal(seal({ a: 1 }, request), other)).toThrow();
});
