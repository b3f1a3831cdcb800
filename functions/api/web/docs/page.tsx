import { raw } from 'hono/html';
import { type ErrorCode, errorMeaning, errorStatus } from '../../../../shared/base/error-codes.ts';
import { once } from '../../../../shared/base/once.ts';
import { Layout } from '../layout.tsx';
import type { Entry } from './examples.ts';
import type { OpenApiDocument } from './open-api.ts';
import { findText, OperationDetails } from './operation.tsx';
import { Prose, SchemaTable } from './schema.tsx';
import { docsScript } from './script.ts';
import { hasWords, searchText, wordsOf } from './search.ts';

/** An operation with what a search looks through, and its box as HTML. */
interface Found extends Entry {
  text: string;
  closed: () => string;
  opened: () => string;
}

/**
 * What a search hides if it does not find it, as HTML of both forms. It is hidden and not left out,
 * because what the search finds links to it.
 */
interface Part {
  text: string;
  shown: () => string;
  hidden: () => string;
}

/**
 * Makes the function that renders the page for the words of a search. Anyone may ask for the page,
 * so what is the same in all of them is rendered once.
 */
export function makeDocsPage(document: OpenApiDocument): (query: string) => string {
  const entries = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Found => {
      const entry = { path, method, operation };
      const box = (open: boolean) =>
        once(() => String(<OperationDetails {...{ ...entry, document, open }} />));
      return { ...entry, text: findText(entry), closed: box(false), opened: box(true) };
    }),
  );
  const [schemas, errors] = [schemaParts(document), errorParts()];

  return (query) => String(<DocsPage {...{ document, entries, schemas, errors, query }} />);
}

interface DocsProps {
  document: OpenApiDocument;
  entries: readonly Found[];
  schemas: readonly Part[];
  errors: readonly Part[];
  /** Words that shown operations have. */
  query: string;
}

/**
 * The API's documentation as one page, rendered on the server from the OpenAPI document. Its only
 * script is our own: an origin that issues admin tokens must load no foreign code.
 */
function DocsPage({ document, entries, schemas, errors, query }: DocsProps) {
  const words = wordsOf(query);
  const shown = entries.filter(({ text }) => hasWords(text, words));
  const areas = Object.entries(
    Object.groupBy(shown, ({ operation }) => operation.tags?.[0] ?? 'other'),
  ).map(([area, found = []]) => ({ area, found }));

  return (
    <Layout title="API" wide="docs">
      <Contents {...{ areas, query }} />
      <div class="docs">
        <h1>
          {document.info.title} API <span class="badge soft">version {document.info.version}</span>
        </h1>
        <p class="lead">{document.info.description}</p>
        <Authentication origin={document.servers?.[0]?.url ?? ''} />
        {areas.length === 0 ? <p>No operation matches. Search for fewer words.</p> : ''}
        {areas.map(({ area, found }) => (
          <section data-area>
            <h2 id={area}>{area}</h2>
            {found.map(({ closed, opened }) =>
              raw(words.length > 0 && found.length < 4 ? opened() : closed()),
            )}
          </section>
        ))}
        <Schemas {...{ parts: schemas, words }} />
        <ErrorTable {...{ parts: errors, words }} />
      </div>
      <script>{raw(docsScript)}</script>
    </Layout>
  );
}

interface Area {
  area: string;
  found: readonly Found[];
}

/** The side bar: the search, and all operations by area. */
function Contents({ areas, query }: { areas: readonly Area[]; query: string }) {
  return (
    <nav class="contents" aria-label="Contents">
      <form action="/api/v1/docs" method="get">
        <label for="q">Search</label>
        <input id="q" name="q" type="search" value={query} placeholder="promote version" />
      </form>
      <details class="areas" open>
        <summary>Contents</summary>
        <a href="#authentication">How to authenticate</a>
        {areas.map(({ area, found }) => (
          <div data-area>
            <a class="area" href={`#${area}`}>
              {area}
            </a>
            {found.map((entry) => (
              <a class="entry" href={`#${entry.operation.operationId}`} data-find={entry.text}>
                <span class={`verb ${entry.method}`}>{entry.method}</span>
                {entry.operation.summary}
              </a>
            ))}
          </div>
        ))}
        <a class="area" href="#schemas">
          schemas
        </a>
        <a class="area" href="#errors">
          errors
        </a>
        <a href="/api/v1/openapi.json">openapi.json</a>
      </details>
    </nav>
  );
}

function Authentication({ origin }: { origin: string }) {
  return (
    <section>
      <h2 id="authentication">How to authenticate</h2>
      <p>
        Send an API token in the header <code>Authorization: Bearer gantry_…</code> of every
        request. A member makes one with <code>gantry token create laptop --mine</code>, an admin
        makes one for a program with <code>gantry token create ci --role author</code>. Agents send{' '}
        <code>Authorization: DPoP</code> with a proof (RFC 9449) instead.
      </p>
      <pre>
        <code>{`export GANTRY_TOKEN=gantry_…\ncurl -H "Authorization: Bearer $GANTRY_TOKEN" ${origin}/api/v1/whoami`}</code>
      </pre>
      <p>
        A <code>POST</code> with the header <code>Idempotency-Key</code> runs once, however often it
        is sent. A change that needs approval returns 202 and an operation: poll{' '}
        <a href="#getOperation">the operation</a>.
      </p>
    </section>
  );
}

/** Each schema as a box to open. */
function schemaParts(document: OpenApiDocument): Part[] {
  return Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => {
    const { description = '', properties = {} } = schema;
    const text = searchText([name, description, ...Object.keys(properties)]);
    const box = (hidden: boolean) => (
      <details id={`schema-${name}`} data-find={text} hidden={hidden}>
        <summary>
          <code>{name}</code>
          <span class="soft">
            <Prose text={description} />
          </span>
        </summary>
        <SchemaTable schema={schema} />
      </details>
    );

    return { text, shown: once(() => String(box(false))), hidden: once(() => String(box(true))) };
  });
}

/** Each code of an error as a row. */
function errorParts(): Part[] {
  return Object.entries(errorStatus).map(([code, status]) => {
    const meaning = errorMeaning[code as ErrorCode];
    const text = searchText([code, meaning]);
    const row = (hidden: boolean) => (
      <tr id={`error-${code}`} data-find={text} hidden={hidden}>
        <th scope="row">
          <code>{code}</code> <span class="soft">{status}</span>
        </th>
        <td>
          <Prose text={meaning} />
        </td>
      </tr>
    );

    return { text, shown: once(() => String(row(false))), hidden: once(() => String(row(true))) };
  });
}

interface Searched {
  parts: readonly Part[];
  words: readonly string[];
}

function isEmpty({ parts, words }: Searched): boolean {
  return !parts.some(({ text }) => hasWords(text, words));
}

function htmlOf({ parts, words }: Searched) {
  return raw(
    parts.map(({ text, shown, hidden }) => (hasWords(text, words) ? shown() : hidden())).join(''),
  );
}

function Schemas(searched: Searched) {
  return (
    <section data-area hidden={isEmpty(searched)}>
      <h2 id="schemas">schemas</h2>
      {htmlOf(searched)}
    </section>
  );
}

function ErrorTable(searched: Searched) {
  return (
    <section data-area hidden={isEmpty(searched)}>
      <h2 id="errors">errors</h2>
      <p>
        Every error is application/problem+json (RFC 9457) with one of these codes. Codes are never
        renamed.
      </p>
      <table class="properties">
        <tbody>{htmlOf(searched)}</tbody>
      </table>
    </section>
  );
}
