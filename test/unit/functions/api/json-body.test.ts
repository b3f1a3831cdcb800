import { describe, expect, it } from 'vitest';
import { createApp } from '../../../../functions/api/app.ts';
import { requireStorable } from '../../../../functions/api/json-body.ts';
import { personName } from '../../../../shared/contract/http/index.ts';
import { thrownBy } from '../../composition/factory.ts';
import { idleServices } from './services.ts';

const app = createApp(idleServices());

const parse = (text: string): unknown => JSON.parse(text);

describe('a JSON body', () => {
  it.each([
    '{"metadata":{"constructor":"a","toString":"b","hasOwnProperty":"c"}}',
    '"\\ud83d\\ude00"',
    'null',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  ])('passes with names of prototypes, whole characters and any depth (%#)', (text) => {
    expect(() => requireStorable(parse(text))).not.toThrow();
  });

  it.each([
    ['half a character', '{"metadata":{"note":["\\ud800"]}}', 'metadata.note.0'],
    ['half a character in a key', '{"metadata":{"\\udc00":1}}', 'metadata'],
    ['the key __proto__', '{"metadata":{"__proto__":"x"}}', 'metadata'],
    ['the same key, escaped', '{"metadata":{"\\u005f_proto__":"x"}}', 'metadata'],
    ['a lone half', '"\\ud800"', 'body'],
  ])('is refused with %s, naming the place', (_, text, field) => {
    expect(thrownBy(() => requireStorable(parse(text)))).toMatchObject({
      code: 'invalid_request',
      field,
    });
  });

  it('is checked at each route', async () => {
    const response = await app.request('/api/v1/instances', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"metadata":{"__proto__":"x"}}',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request', field: 'metadata' });
  });
});

it.each([
  'application/json',
  'Application/JSON; charset=utf-8',
  'application/merge-patch+json',
  'application/vnd.a_2+JSON ;',
])(
  'a body of %s with a repeated key is refused, which two readers understand differently',
  async (type) => {
    const response = await app.request('/api/v1/instances', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"name":"a","metadata":{"k":1,"k":2}}',
    });
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      detail: 'the body is invalid: expected each key once, found "k" again',
    });
  },
);

it.each(['a'.repeat(2100), '%00', 'a%2Fb'])(
  'the webhook %# is refused as any unknown one',
  async (source) => {
    const response = await app.request(`/hooks/registry/${source}`, {
      method: 'POST',
      body: '{}',
    });
    expect(await response.json()).toMatchObject({ code: 'hook_refused' });
  },
);

it.each(['two\nlines', 'a\u202eb', 'a\u0000', 'a\u2028b'])('the name %j is refused', (name) => {
  expect(personName.safeParse(name).success).toBe(false);
});
