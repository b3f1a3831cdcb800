import { describe, expect, it } from 'vitest';
import { createApp } from '../../../../functions/api/app.ts';
import { errorsOf, specialErrors } from '../../../../functions/api/openapi/operation-errors.ts';
import { operationIdOf } from '../../../../functions/api/openapi/operation-id.ts';
import { methodsAt } from '../../../../functions/api/request-form.ts';
import { takesKey } from '../../../../functions/api/route.ts';
import { apiRoutes } from '../../../../functions/api/routes/index.ts';
import { exampleValue } from '../../../../functions/api/web/docs/examples.ts';
import type { OpenApiDocument, Schema } from '../../../../functions/api/web/docs/open-api.ts';
import { idleServices } from './services.ts';

const app = createApp(idleServices());
const document = (await (await app.request('/api/v1/openapi.json')).json()) as OpenApiDocument;

interface Place {
  where: string;
  schema: Schema;
}

/** Every property of a schema at every depth. */
function propertiesOf(schema: Schema | undefined, where: string): Place[] {
  if (schema === undefined || typeof schema !== 'object') return [];

  const own = Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    where: `${where}.${name}`,
    schema: property,
  }));
  const inner = [
    ...own,
    ...[schema.items, schema.additionalProperties]
      .filter((part) => typeof part === 'object')
      .map((part) => ({ where, schema: part })),
    ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((parts) =>
      (parts ?? []).map((part) => ({ where, schema: part })),
    ),
  ];
  return [...own, ...inner.flatMap((part) => propertiesOf(part.schema, part.where))];
}

const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** Every property of the document but those of errors' codes, and every parameter. */
const everyProperty: Place[] = [
  ...Object.entries(document.components?.schemas ?? {}).flatMap(([name, schema]) =>
    propertiesOf(schema, name),
  ),
  ...operations.flatMap(({ operation }) => {
    const id = operation.operationId ?? '';
    const parts = [operation.requestBody, operation.responses[200], operation.responses[201]];
    const schemas = parts.flatMap((part) => Object.values(part?.content ?? {}));
    const parameters = (operation.parameters ?? []).flatMap(({ name, schema }) =>
      schema === undefined ? [] : [{ where: `${id}?${name}`, schema }],
    );
    return [...parameters, ...schemas.flatMap(({ schema }) => propertiesOf(schema, id))];
  }),
];

const isText = ({ type }: Schema) => [type].flat()[0] === 'string';

describe('the OpenAPI document', () => {
  it('describes every property and parameter', () => {
    const missing = everyProperty.filter(({ schema }) => !schema.description);
    expect(missing.map(({ where }) => where)).toEqual([]);
  });

  it('has an example of every text', () => {
    const missing = everyProperty.filter(
      ({ schema }) => isText(schema) && schema.examples === undefined,
    );
    expect(missing.map(({ where }) => where)).toEqual([]);
  });

  it('promotes in its example to a state that a version can reach', () => {
    const { requestBody } = document.paths?.['/api/v1/versions/{id}/promote']?.post ?? {};
    const schema = requestBody?.content['application/json']?.schema;
    expect(exampleValue(document, schema, 'required')).toEqual({ to: 'staging' });
  });

  it('has examples that fit the pattern of their text', () => {
    const wrong = everyProperty.filter(
      ({ schema: { pattern, examples } }) =>
        pattern !== undefined &&
        typeof examples?.[0] === 'string' &&
        !new RegExp(pattern, 'u').test(examples[0]),
    );
    expect(wrong.map(({ where, schema }) => `${where} ${schema.examples?.[0]}`)).toEqual([]);
  });

  it.each(apiRoutes.filter(({ body }) => body !== undefined))(
    'has a body of $method $path that the API takes',
    ({ method, path, body }) => {
      const operation = document.paths?.[`/api/v1${path}`]?.[method];
      const schema = operation?.requestBody?.content['application/json']?.schema;
      const example = exampleValue(document, schema, 'required');
      expect(body?.safeParse(example).error?.issues).toBeUndefined();
    },
  );

  it('names operations as functions, each once', () => {
    const ids = operations.map(({ operation }) => operation.operationId ?? '');
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z0-9]*)+$/.test(id))).toEqual([]);
  });

  it.each([
    ['get', '/modules', 'listModules'],
    ['get', '/modules/{name}', 'getModule'],
    ['get', '/modules/{name}/versions', 'listModuleVersions'],
    ['post', '/versions/{id}/promote', 'promoteVersion'],
    ['post', '/templates/{id}/assignments', 'createTemplateAssignment'],
    ['patch', '/policies/{action}', 'updatePolicy'],
    ['put', '/registries/{host}', 'setRegistry'],
    ['delete', '/categories/{slug}', 'deleteCategory'],
    ['get', '/instances/{id}/drift', 'getInstanceDrift'],
  ] as const)('%s %s is %s', (method, path, id) =>
    expect(operationIdOf({ method, path })).toBe(id),
  );

  it('has Problem as it is sent: its optional fields are not required', () => {
    expect(document.components?.schemas?.Problem?.required).toEqual([
      'type',
      'title',
      'status',
      'code',
      'detail',
      'request_id',
    ]);
  });

  it('declares the headers that clients send and get', () => {
    const headers = (path: string, method: string) =>
      document.paths?.[`/api/v1${path}`]?.[method]?.parameters?.map(({ $ref }) => $ref?.slice(24));

    expect(headers('/modules', 'post')).toEqual(['IdempotencyKey', 'CorrelationId']);
    expect(headers('/templates/{id}/preview', 'post')).not.toContain('IdempotencyKey');
    expect(headers('/fleet', 'get')).toContain('IfNoneMatch');
    expect(headers('/agent/report', 'post')).toEqual(['DPoP', 'CorrelationId']);
  });

  it('has no reference that leads nowhere', () => {
    const refs = JSON.stringify(document).match(/#\/components\/[\w/.-]+/g) ?? [];
    const lost = [...new Set(refs)].filter((ref) => {
      const [, , part = '', name = ''] = ref.split('/');
      return !(document.components?.[part] as Record<string, unknown> | undefined)?.[name];
    });
    expect(lost).toEqual([]);
  });

  it('lists the errors of each status with their codes', () => {
    const promote = apiRoutes.find(({ path }) => path === '/versions/{id}/promote');
    const errors = promote === undefined ? new Map() : errorsOf(promote, 'promoteVersion');

    expect(errors.get(409)).toContain('promotion_state_invalid');
    expect(errors.get(415)).toEqual(['content_type_unsupported']);
    expect(document.paths?.['/api/v1/fleet']?.get?.responses[401]?.description).toContain(
      '`unauthenticated`',
    );
  });
});

it('takes an Idempotency-Key where a caller with a token changes something by POST', () => {
  const keyed = { method: 'post', role: 'operator' } as const;
  expect(takesKey(keyed)).toBe(true);
  expect(takesKey({ ...keyed, reads: true })).toBe(false);
  expect(takesKey({ ...keyed, method: 'patch' })).toBe(false);
  expect(takesKey({ ...keyed, role: 'agent' })).toBe(false);
  expect(takesKey({ ...keyed, role: 'public' })).toBe(false);
});

it('lists special errors of existing operations', () => {
  const ids = apiRoutes.map(operationIdOf);
  expect(Object.keys(specialErrors).filter((id) => !ids.includes(id))).toEqual([]);
});

describe('a request that no route takes', () => {
  it('of a known path is 405, with the methods that it has', async () => {
    const response = await app.request('/api/v1/modules/x', { method: 'PUT' });
    expect([response.status, response.headers.get('allow')]).toEqual([
      405,
      methodsAt('/api/v1/modules/x', apiRoutes).join(', '),
    ]);
    expect(await response.json()).toMatchObject({ code: 'method_not_allowed' });
  });

  it('of an unknown path is 404', async () => {
    const response = await app.request('/api/v1/modles');
    expect([response.status, response.headers.get('allow')]).toEqual([404, null]);
  });

  it('takes HEAD where there is GET', () => {
    expect(methodsAt('/api/v1/fleet', apiRoutes)).toEqual(['GET', 'HEAD']);
    expect(methodsAt('/api/v1/members/me/tokens', apiRoutes)).toEqual(['GET', 'HEAD', 'POST']);
  });
});

describe('a request of a wrong form', () => {
  const send = (headers: Record<string, string>, query = '') =>
    app.request(`/api/v1/invitations/accept${query}`, { method: 'POST', headers, body: '{}' });

  it('in another media type is 415, which names both', async () => {
    const response = await send({ 'content-type': 'text/plain' });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({
      code: 'content_type_unsupported',
      detail: 'expected Content-Type: application/json, found text/plain',
    });
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'application/merge-patch+json'])(
    'in %s goes on to its schema',
    async (type) => expect((await send({ 'content-type': type })).status).toBe(400),
  );

  it('with an unknown query parameter names those of the route', async () => {
    const response = await send({ 'content-type': 'application/json' }, '?stat=live');
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      field: 'stat',
      detail: 'the query is invalid: expected a parameter of this route, found "stat"; it has none',
    });
  });
});
