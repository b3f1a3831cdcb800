import { type ErrorCode, errorMeaning, errorStatus } from '../../../shared/base/error-codes.ts';
import { Layout } from './layout.tsx';
import type { OpenApiDocument, Operation, Schema } from './open-api.ts';

/**
 * The API's documentation as one page, rendered on the server from the OpenAPI document. It runs no
 * script, because an origin that issues admin tokens must load no foreign code.
 */
export function DocsPage({ document }: { document: OpenApiDocument }) {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const origin = document.servers?.[0]?.url ?? '';
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))];

  return (
    <Layout title="API" wide>
      <h1>
        {document.info.title} <span class="badge soft">{document.info.version}</span>
      </h1>
      <p class="lead">{document.info.description}</p>
      <h2 id="authentication">How to authenticate</h2>
      <p>
        Send an API token in the header <code>Authorization: Bearer gantry_…</code> of every
        request. An admin creates one with <code>gantry token create</code>. Agents send{' '}
        <code>Authorization: DPoP</code> with a proof (RFC 9449) instead.
      </p>
      <pre>
        <code>{`curl -H "Authorization: Bearer $GANTRY_TOKEN" ${origin}/api/v1/accounts/current`}</code>
      </pre>
      <p>
        Click a line to open it. A star (*) marks what a request must have, or a response always
        has.
      </p>
      <p>
        <a href="/api/v1/openapi.json">openapi.json</a> ·{' '}
        {tags.map((tag) => (
          <>
            <a href={`#${tag}`}>{tag}</a>{' '}
          </>
        ))}
        · <a href="#schemas">schemas</a> · <a href="#errors">errors</a>
      </p>
      {tags.map((tag) => (
        <section>
          <h2 id={tag}>{tag}</h2>
          {operations
            .filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
            .map((entry) => (
              <OperationDetails {...entry} origin={origin} />
            ))}
        </section>
      ))}
      <section>
        <h2 id="schemas">schemas</h2>
        {Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => (
          <details id={`schema-${name}`}>
            <summary>
              <code>{name}</code>
            </summary>
            <SchemaTable schema={schema} />
          </details>
        ))}
      </section>
      <section>
        <h2 id="errors">errors</h2>
        <p>
          Every error is application/problem+json (RFC 9457) with one of these codes; codes are
          never renamed.
        </p>
        <table>
          <thead>
            <tr>
              <th>Code</th>
              <th>Status</th>
              <th>Meaning</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(errorStatus).map(([code, status]) => (
              <tr id={`error-${code}`}>
                <td>
                  <code>{code}</code>
                </td>
                <td>{status}</td>
                <td>
                  <Prose text={errorMeaning[code as ErrorCode]} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Layout>
  );
}

function OperationDetails({
  path,
  method,
  operation,
  origin,
}: {
  path: string;
  method: string;
  operation: Operation;
  origin: string;
}) {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  return (
    <details id={operation.operationId}>
      <summary>
        <span class={method === 'delete' ? 'verb bad' : method === 'get' ? 'verb' : 'verb good'}>
          {method}
        </span>
        <code>{path}</code>
        <span class="soft">{operation.summary}</span>
      </summary>
      {operation.description ? (
        <p>
          <Prose text={operation.description} />
        </p>
      ) : null}
      <p class="soft">
        Role <code>{operation['x-gantry-role']}</code>
      </p>
      <pre>
        <code>{curlOf({ path, method, operation, origin })}</code>
      </pre>
      {operation.parameters?.length ? (
        <table>
          <thead>
            <tr>
              <th>Parameter</th>
              <th>In</th>
              <th>Type</th>
            </tr>
          </thead>
          <tbody>
            {operation.parameters.map((parameter) => (
              <tr>
                <td>
                  <code>{parameter.name}</code>
                  {parameter.required ? ' *' : ''}
                </td>
                <td>{parameter.in}</td>
                <td>
                  <SchemaText schema={parameter.schema} />{' '}
                  <Prose text={parameter.schema?.description} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {body ? (
        <>
          <h2>Body</h2>
          <SchemaTable schema={body} />
        </>
      ) : null}
      {Object.entries(operation.responses)
        .filter(([status]) => status !== 'default')
        .map(([status, { content }]) => (
          <>
            <h2>{status}</h2>
            <SchemaTable schema={Object.values(content ?? {})[0]?.schema} />
          </>
        ))}
    </details>
  );
}

/** Shows what is between backticks as code. */
function Prose({ text = '' }: { text?: string | undefined }) {
  return (
    <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
  );
}

/** Returns a command that sends the request. Its parameters are names to fill in. */
function curlOf(entry: { path: string; method: string; operation: Operation; origin: string }) {
  const { path, method, operation, origin } = entry;
  const role = operation['x-gantry-role'];
  const authorization = role === 'agent' ? 'DPoP <credential>' : 'Bearer $GANTRY_TOKEN';

  const options = [
    method === 'get' ? '' : ` -X ${method.toUpperCase()}`,
    role === 'public' ? '' : ` -H "Authorization: ${authorization}"`,
    role === 'agent' ? ' -H "DPoP: <proof>"' : '',
    operation.requestBody === undefined ? '' : ' -H "Content-Type: application/json" -d @body.json',
  ];
  return `curl${options.join('')} "${origin}${path}"`;
}

function SchemaTable({ schema }: { schema?: Schema | undefined }) {
  if (schema?.properties === undefined) {
    return (
      <p>
        <SchemaText schema={schema} />
      </p>
    );
  }
  return (
    <table>
      <tbody>
        {Object.entries(schema.properties).map(([name, property]) => (
          <tr>
            <td>
              <code>{name}</code>
              {schema.required?.includes(name) ? ' *' : ''}
            </td>
            <td>
              <SchemaText schema={property} />
            </td>
            <td>
              <Prose text={property.description} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Formats a schema as a phrase: `string`, `list of Version`, `live | staging`. */
function SchemaText({ schema }: { schema?: Schema | undefined }) {
  if (schema === undefined) return <>nothing</>;
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1);
    return <a href={`#schema-${name}`}>{name}</a>;
  }

  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices !== undefined) {
    return (
      <>
        {choices.map((choice, index) => (
          <>
            {index > 0 ? ' | ' : ''}
            <SchemaText schema={choice} />
          </>
        ))}
      </>
    );
  }

  if (schema.enum !== undefined) return <>{schema.enum.join(' | ')}</>;
  if (schema.const !== undefined) return <>{String(schema.const)}</>;

  if (schema.items !== undefined) {
    return (
      <>
        list of <SchemaText schema={schema.items} />
      </>
    );
  }

  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(([name, property]) => {
      const only = property.enum?.length === 1 ? property.enum[0] : property.const;
      return only === undefined ? name : `${name}: ${only}`;
    });
    return <>{`{ ${fields.join(', ')} }`}</>;
  }

  if (typeof schema.additionalProperties === 'object') {
    return (
      <>
        map of <SchemaText schema={schema.additionalProperties} />
      </>
    );
  }

  const type = [schema.type ?? 'any'].flat().join(' | ');
  return <>{schema.format ? `${type} (${schema.format})` : type}</>;
}
