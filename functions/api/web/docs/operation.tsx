import { curlOf, type Entry, exampleBody, resolveRef } from './examples.ts';
import type { OpenApiDocument, Parameter, Response } from './open-api.ts';

import { PropertyRow, Prose, SchemaTable } from './schema.tsx';
import { searchText } from './search.ts';

interface Shown extends Entry {
  document: OpenApiDocument;
  open: boolean;
}

/** One operation, as a box to open: command, parameters, body, response and errors. */
export function OperationDetails({ document, path, method, operation, open }: Shown) {
  const body = operation.requestBody?.content['application/json']?.schema;
  const parameters = (operation.parameters ?? []).map((one) =>
    one.$ref === undefined ? one : (resolveRef(document, one.$ref) as Parameter),
  );
  const responses = Object.entries(operation.responses);
  const good = responses.filter(([status]) => status.startsWith('2'));
  const bad = responses.filter(([status]) => /^[45]/.test(status));

  return (
    <details
      id={operation.operationId}
      class="operation"
      open={open}
      data-find={findText({ path, method, operation })}
    >
      <summary>
        <span class={`verb ${method}`}>{method}</span>
        <code>{path}</code>
        <span class="soft">{operation.summary}</span>
      </summary>
      <p>
        {operation.description ? <Prose text={`${operation.description} `} /> : ''}
        Needs: <b>{accessText(operation['x-gantry-role'])}</b>. In clients:{' '}
        <code>{operation.operationId}</code>.
      </p>
      <pre>
        <code>{curlOf(document, { path, method, operation })}</code>
      </pre>
      {parameters.length > 0 ? <Parameters parameters={parameters} /> : ''}
      {body ? (
        <>
          <h3>Body</h3>
          <Example text={exampleBody(document, body, 'all')} />
          <SchemaTable schema={body} />
        </>
      ) : (
        ''
      )}
      {good.map(([status, response]) => (
        <Answer {...{ document, status, response }} />
      ))}
      <h3>Errors</h3>
      <Errors responses={bad} />
    </details>
  );
}

const accesses: Readonly<Record<string, string>> = {
  public: 'no token',
  agent: 'the credential of an agent',
  platform: 'the token that the deployment printed',
  viewer: 'any role',
};

function accessText(role = ''): string {
  return accesses[role] ?? `the role ${role}`;
}

/** What a search looks through. */
export function findText({ path, method, operation }: Entry): string {
  const { summary = '', description = '', operationId = '', tags = [] } = operation;
  return searchText([method, path, summary, description, operationId, ...tags]);
}

function Parameters({ parameters }: { parameters: readonly Parameter[] }) {
  return (
    <>
      <h3>Parameters</h3>
      <table class="properties">
        <tbody>
          {parameters.map(({ name = '', in: place = '', required, description, schema }) => (
            <PropertyRow
              name={name}
              property={{ ...schema, description: description ?? schema?.description ?? '' }}
              required={required === true}
              place={place}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Answer(props: { document: OpenApiDocument; status: string; response: Response }) {
  const { document, status, response } = props;
  const schema = response.content?.['application/json']?.schema;
  return (
    <>
      <h3>
        Response {status}
        {schema === undefined ? ', without a body' : ''}
      </h3>
      {schema === undefined ? (
        ''
      ) : (
        <>
          <Example text={exampleBody(document, schema, 'all')} />
          <SchemaTable schema={schema} />
        </>
      )}
    </>
  );
}

function Example({ text }: { text: string }) {
  return (
    <details class="form">
      <summary>example</summary>
      <pre>
        <code>{text}</code>
      </pre>
    </details>
  );
}

function Errors({ responses }: { responses: readonly [string, Response][] }) {
  return (
    <p class="errors">
      {responses.flatMap(([status, { description }]) =>
        [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => (
          <>
            <a href={`#error-${code}`}>
              {status} {code}
            </a>{' '}
          </>
        )),
      )}
    </p>
  );
}
