import type { OpenAPIHono } from '@hono/zod-openapi';
import { type ErrorCode, errorMeaning } from '../../../shared/base/error-codes.ts';
import type { ApiEnv } from '../env.ts';
import { problemType } from '../problem.ts';
import { type Route, takesKey } from '../route.ts';
import type { OpenApiDocument, Operation, Parameter } from '../web/docs/open-api.ts';
import { describeProperties, describeProperty } from './describe-schemas.ts';
import { errorsOf } from './operation-errors.ts';
import { operationIdOf } from './operation-id.ts';

const summary = `Delivers signed modules from OCI registries to running machines. Lists have pages with limit and
cursor. A change that may need approval returns 202 and an operation. Errors are
application/problem+json with a stable code.`;

/** Returns the OpenAPI 3.1 document of the routes that an app has registered. */
export function makeDocument(
  app: OpenAPIHono<ApiEnv>,
  routes: readonly Route[],
  publicUrl: string,
): OpenApiDocument {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Gantry', version: '1', description: summary.replaceAll('\n', ' ') },
    servers: [{ url: publicUrl }],
  }) as unknown as OpenApiDocument;

  document.components = { ...document.components, ...sharedParts };
  for (const [name, schema] of Object.entries(document.components.schemas ?? {}))
    describeProperties(schema, name);

  for (const route of routes) {
    const operation = document.paths?.[`/api/v1${route.path}`]?.[route.method];
    if (operation !== undefined) completeOperation(operation, route);
  }

  return document;
}

/** Adds to an operation what all operations of its kind have: headers, errors, descriptions. */
function completeOperation(operation: Operation, route: Route): void {
  const id = operationIdOf(route);
  describeParts(operation, id);

  operation.parameters = [...(operation.parameters ?? []), ...headersOf(route).map(parameterRef)];
  for (const [status, response] of Object.entries(operation.responses))
    if (status !== 'default') response.headers = responseHeadersOf(route);

  for (const [status, codes] of errorsOf(route, id))
    operation.responses[status] = errorResponse(codes);
}

function describeParts({ parameters, requestBody, responses }: Operation, id: string): void {
  for (const parameter of parameters ?? []) describeParameter(parameter, id);

  const parts = [requestBody, ...Object.values(responses)];
  const schemas = parts.flatMap((part) => Object.values(part?.content ?? {}));
  for (const { schema } of schemas) describeProperties(schema, id);
}

function describeParameter(parameter: Parameter, id: string): void {
  const { name, schema } = parameter;
  if (name === undefined || schema === undefined) return;

  describeProperty(schema, name, id);
  parameter.description ??= schema.description ?? '';
}

function headersOf(route: Route): string[] {
  const { method, role } = route;
  return [
    ...(role === 'agent' ? ['DPoP'] : []),
    ...(takesKey(route) ? ['IdempotencyKey'] : []),
    ...(method === 'get' ? ['IfNoneMatch'] : []),
    'CorrelationId',
  ];
}

const parameterRef = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const headerRef = (name: string) => ({ $ref: `#/components/headers/${name}` });

function responseHeadersOf(route: Route): Record<string, { $ref: string }> {
  const { method, role } = route;
  return {
    'X-Correlation-Id': headerRef('CorrelationId'),
    ...(method === 'get' ? { ETag: headerRef('ETag') } : {}),
    ...(takesKey(route) ? { 'Idempotency-Replayed': headerRef('IdempotencyReplayed') } : {}),
    ...(role === 'agent' ? { 'DPoP-Nonce': headerRef('DPoPNonce') } : {}),
  };
}

function errorResponse(codes: readonly ErrorCode[]): Operation['responses'][string] {
  const waits = codes.includes('unavailable');
  return {
    description: codes.map((code) => `\`${code}\`: ${errorMeaning[code]}`).join('\n\n'),
    ...(waits ? { headers: { 'Retry-After': headerRef('RetryAfter') } } : {}),
    content: {
      [problemType]: {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { enum: [...codes] } } },
          ],
        },
      },
    },
  };
}

const text = { type: 'string' };

const sharedParts = {
  securitySchemes: {
    token: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'gantry_<secret>',
      description: 'An API token, in the header `Authorization: Bearer gantry_…`.',
    },
    dpop: {
      type: 'http',
      scheme: 'dpop',
      description: 'The credential of an agent, with a proof in the header DPoP (RFC 9449).',
    },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'The same key and body run once; a repeated request gets the first response.',
      schema: { ...text, minLength: 1, maxLength: 255, examples: ['c6af9ac6-7b61-11e6-9a41-93e8'] },
    },
    IfNoneMatch: {
      name: 'If-None-Match',
      in: 'header',
      required: false,
      description: 'The ETag of a response before. If nothing changed, the response is 304.',
      schema: { ...text, examples: ['"33a64df5"'] },
    },
    CorrelationId: {
      name: 'X-Correlation-Id',
      in: 'header',
      required: false,
      description: 'Names the flow in logs, events and operations that follow from the request.',
      schema: { ...text, examples: ['release-2027-01-01'] },
    },
    DPoP: {
      name: 'DPoP',
      in: 'header',
      required: true,
      description: 'A proof of the key that the credential is bound to (RFC 9449).',
      schema: { ...text, examples: ['eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.c2ln'] },
    },
  },
  headers: {
    CorrelationId: { description: 'The correlation id of the request.', schema: text },
    ETag: { description: 'Names the content, for If-None-Match.', schema: text },
    IdempotencyReplayed: {
      description: '`true` if this is the response of an earlier request with the same key.',
      schema: text,
    },
    DPoPNonce: { description: 'The nonce of the next proof.', schema: text },
    RetryAfter: { description: 'Seconds to wait before a retry.', schema: { type: 'integer' } },
  },
};
