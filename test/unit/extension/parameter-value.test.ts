import { describe, expect, test } from 'vitest';
import {
  type ActionParameter,
  compareCloudStackVersions,
  readParameterValue,
} from '../../../shared/domain/extensions/index.ts';

type Shape = Partial<ActionParameter> & Pick<ActionParameter, 'type'>;

function read({ type, validationformat = 'NONE', valueoptions = [] }: Shape, given: unknown) {
  return readParameterValue({ type, validationformat, valueoptions }, given);
}

const big = 'x'.repeat(64 * 1024);

/** Type with format, and the values that it takes, each with what the script gets. */
const taken: [shape: Shape, given: unknown, value: unknown][] = [
  [{ type: 'BOOLEAN' }, true, true],
  [{ type: 'BOOLEAN' }, 'false', false],
  [{ type: 'NUMBER' }, 7, 7],
  [{ type: 'NUMBER' }, '-12', -12],
  [{ type: 'NUMBER' }, '-0', 0],
  [{ type: 'NUMBER' }, '9007199254740991', 9_007_199_254_740_991],
  [{ type: 'NUMBER', validationformat: 'DECIMAL' }, '0.5', 0.5],
  [{ type: 'NUMBER', validationformat: 'DECIMAL' }, '1e3', 1000],
  [{ type: 'DATE' }, '2026-12-01T06:00:00Z', '2026-12-01T06:00:00Z'],
  [{ type: 'DATE' }, '2026-12-01T06:00:00.5+02:00', '2026-12-01T06:00:00.5+02:00'],
  [{ type: 'STRING' }, 'two\nlines; $(rm) --flag', 'two\nlines; $(rm) --flag'],
  [{ type: 'STRING' }, big, big],
  [{ type: 'STRING', validationformat: 'EMAIL' }, 'a@example.com', 'a@example.com'],
  [{ type: 'STRING', validationformat: 'PASSWORD' }, ' p ', ' p '],
  [{ type: 'STRING', validationformat: 'URL' }, 'https://a.example/x', 'https://a.example/x'],
  [
    { type: 'STRING', validationformat: 'UUID' },
    '123E4567-e89b-12d3-a456-426614174000',
    '123E4567-e89b-12d3-a456-426614174000',
  ],
  [{ type: 'STRING', valueoptions: ['full', 'incremental'] }, 'full', 'full'],
  [{ type: 'NUMBER', valueoptions: ['1', '02'] }, '2', 2],
];

const refusedOf: [shape: Shape, given: unknown[], expected: RegExp][] = [
  [{ type: 'BOOLEAN' }, ['maybe', 'TRUE', 1, '', null], /^true or false$/],
  [
    { type: 'NUMBER' },
    ['1.5', '1e3', 'NaN', 'Infinity', '0x10', '', ' 1', 2 ** 53, Number.NaN, '9007199254740992'],
    /^a whole number/,
  ],
  [
    { type: 'NUMBER', validationformat: 'DECIMAL' },
    ['NaN', 'Infinity', '0x1p3', '1e999', '.', '1,5', '1'.repeat(100), {}, []],
    /^a finite decimal/,
  ],
  [
    { type: 'DATE' },
    ['2026-12-01', '2026-12-01T06:00:00', '2026-02-30T06:00:00Z', '2026-12-01T25:00:00Z', 5],
    /RFC 3339/,
  ],
  [{ type: 'STRING' }, ['', 5, null, ['a']], /^text$/],
  [{ type: 'STRING' }, ['a\0b', '\ud800'], /without NUL/],
  [{ type: 'STRING' }, [`${big}x`], /at most 65536 bytes/],
  [{ type: 'STRING', validationformat: 'EMAIL' }, ['a', 'a@b', 'a b@example.com'], /email/],
  [{ type: 'STRING', validationformat: 'PASSWORD' }, ['  ', ''], /not blank/],
  [
    { type: 'STRING', validationformat: 'URL' },
    ['ftp://a', 'javascript:x', 'a.example', 'https://a b', 'https://a\n'],
    /http or https/,
  ],
  [
    { type: 'STRING', validationformat: 'UUID' },
    ['123', '123e4567e89b12d3a456426614174000'],
    /UUID/,
  ],
  [{ type: 'STRING', valueoptions: ['full'] }, ['Full', 'ful'], /^one of "full"$/],
];

describe('a value of a parameter', () => {
  test.each(taken)('%j takes a value', (shape, given, value) => {
    expect(read(shape, given)).toEqual({ value });
  });

  test.each(refusedOf)('%j refuses others and says what it expects', (shape, given, expected) => {
    for (const value of given) {
      const found = read(shape, value);
      expect(found, String(value).slice(0, 40)).toEqual({
        expected: expect.stringMatching(expected),
      });
    }
  });

  test('no problem repeats the value, which may be a secret', () => {
    const found = read({ type: 'STRING', validationformat: 'PASSWORD' }, 's3cret\0');
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });
});

test('versions of CloudStack have up to four numbers', () => {
  const order = ['4.9', '4.20', '4.20.0.1', '4.20.1', '4.22.0.0', '4.22.0.1', '10'];
  expect(order.toReversed().sort(compareCloudStackVersions)).toEqual(order);
  expect(compareCloudStackVersions('4.20', '4.20.0.0')).toBe(0);
});
