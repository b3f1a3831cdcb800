import type { OpenApiDocument, Operation, Parameter, Schema } from './open-api.ts';

/** A schema that contains itself ends after so many names. */
const namesMax = 5;

/** Which properties of an object an example has. */
type Wanted = 'required' | 'all';

/** Finds what a `$ref` of a document names. */
export function resolveRef(document: OpenApiDocument, ref: string): unknown {
  const [, part = '', name = ''] = ref.replace(/^#\//, '').split('/');
  return (document.components?.[part] as Record<string, unknown> | undefined)?.[name];
}

/** Returns a value that a schema allows, made of the examples of its properties. */
export function exampleValue(
  document: OpenApiDocument,
  schema: Schema | undefined,
  wanted: Wanted,
  names = 0,
): unknown {
  if (schema === undefined || names > namesMax) return null;
  if (schema.$ref !== undefined) {
    const target = resolveRef(document, schema.$ref) as Schema | undefined;
    return exampleValue(document, target, wanted, names + 1);
  }

  const next = (part: Schema | undefined) => exampleValue(document, part, wanted, names);
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.properties !== undefined) return exampleObject(schema, wanted, next);
  if (schema.items !== undefined) return [next(schema.items)];

  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return next(choices[0]);
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map(next));
  return plainExample(schema);
}

function exampleObject(
  { properties = {}, required = [] }: Schema,
  wanted: Wanted,
  next: (part: Schema) => unknown,
): Record<string, unknown> {
  const names = Object.keys(properties);
  const chosen = wanted === 'all' || required.length === 0 ? names : required;
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) =>
      chosen.includes(name) ? [[name, next(property)]] : [],
    ),
  );
}

function plainExample({ type, minimum }: Schema): unknown {
  const [first] = [type].flat();
  if (first === 'string') return 'text';
  if (first === 'boolean') return false;
  if (first === 'integer' || first === 'number') return minimum ?? 0;
  return first === 'array' ? [] : {};
}

/** Formats an example as the body of a request or response. */
export function exampleBody(
  document: OpenApiDocument,
  schema: Schema | undefined,
  wanted: Wanted,
): string {
  return JSON.stringify(exampleValue(document, schema, wanted), null, 2);
}

export interface Entry {
  path: string;
  method: string;
  operation: Operation;
}

/** Returns a command that sends the request, with examples of its parts. */
export function curlOf(document: OpenApiDocument, { path, method, operation }: Entry): string {
  const role = operation['x-gantry-role'];
  const authorization = role === 'agent' ? 'DPoP <credential>' : 'Bearer $GANTRY_TOKEN';
  const body = operation.requestBody?.content['application/json']?.schema;
  const origin = document.servers?.[0]?.url ?? '';

  const first = [
    method === 'get' ? '' : ` -X ${method.toUpperCase()}`,
    role === 'public' ? '' : ` -H "Authorization: ${authorization}"`,
  ].join('');
  const lines = [
    `curl${first}`,
    ...(role === 'agent' ? ['-H "DPoP: <proof>"'] : []),
    ...(body === undefined ? [] : ['-H "Content-Type: application/json"', bodyOf(document, body)]),
    `"${origin}${fillPath(path, operation.parameters ?? [])}"`,
  ];

  return lines.join(' \\\n  ');
}

function bodyOf(document: OpenApiDocument, schema: Schema): string {
  const text = JSON.stringify(exampleValue(document, schema, 'required'));
  return `-d '${text.replaceAll("'", "'\\''")}'`;
}

/** Writes examples into the path, and what the query must have. */
function fillPath(path: string, parameters: readonly Parameter[]): string {
  const example = ({ schema, name }: Parameter) => String(schema?.examples?.[0] ?? name);
  const filled = parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce((text, one) => text.replace(`{${one.name}}`, encodeURIComponent(example(one))), path);

  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map((one) => `${one.name}=${encodeURIComponent(example(one))}`);
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}
