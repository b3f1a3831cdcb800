import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseStrictJson } from '../../../shared/base/strict-json.ts';

const utf8 = (text: string) => Buffer.from(text);

it('reads what JSON.parse reads, in any layout', () => {
  const values = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value));
  const layouts = fc.constantFrom(undefined, 1, '\t');

  fc.assert(
    fc.property(values, layouts, (json, space) => {
      fc.pre(!json.includes('__proto__'));
      const value: unknown = JSON.parse(json);
      const text = JSON.stringify(value, null, space);
      expect(parseStrictJson(text)).toEqual(value);
      expect(parseStrictJson(utf8(text))).toEqual(value);
    }),
  );
});

it.each([
  ['a key twice', '{"a":1,"b":2,"a":3}', 'found "a" again'],
  ['a key twice, once escaped', '{"a":1 , "\\u0061" : 3}', 'found "a" again'],
  ['a key twice below a list', '[{"x":[{"a":1,\n"a":[]}]}]', 'found "a" again'],
  ['the empty key twice', '{"":1,"":2}', 'found "" again'],
  ['the key __proto__', '{"__proto__":1}', 'another key than "__proto__"'],
  ['half a character in a value', '["\\ud800"]', 'half a surrogate pair'],
  ['half a character in a key', '{"\\udc00x":1}', 'half a surrogate pair'],
  ['a byte order mark', '\ufeff{}', ''],
  ['other syntax', '{"a":1,}', ''],
])('refuses %s', (_what, text, message) => {
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
  expect(() => parseStrictJson(text)).toThrow(message);
  expect(() => parseStrictJson(utf8(text))).toThrow(SyntaxError);
});

it('refuses bytes that are not UTF-8', () => {
  expect(() => parseStrictJson(Buffer.from('"\xff"', 'latin1'))).toThrow('expected UTF-8');
});

it('tells keys from values and from keys of other objects', () => {
  const text = '{"a":"a","b":{"a":"b"},"c":["a","a",{"a":0},{"a":0}],"{":"}","\\"":"\\":"}';
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

it('takes time in proportion to the length of the text', () => {
  const deep = `${'[{"a":'.repeat(20_000)}0${'}]'.repeat(20_000)}`;
  const wide = `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":"\\u0061"`).join(',')}}`;
  const startedAt = performance.now();
  parseStrictJson(wide);
  try {
    parseStrictJson(deep);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
  expect(performance.now() - startedAt).toBeLessThan(5000);
});
