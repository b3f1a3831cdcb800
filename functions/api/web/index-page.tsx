import { Layout } from './layout.tsx';

interface IndexProps {
  publicUrl: string;
  version: string;
}

/** The start page: that it is up, and the ways in. */
export function IndexPage({ publicUrl, version }: IndexProps) {
  return (
    <Layout title="Module supply chain">
      <article class="card">
        <h1>
          Gantry <span class="badge soft">version {version}</span>{' '}
          <a class="badge good" href="/healthz">
            up
          </a>
        </h1>
        <p class="lead">Delivers signed modules from OCI registries to running machines.</p>
        <p>poll → verify → ingest → promote → compose → reconcile</p>
        <h2>Command line</h2>
        <pre>
          <code>{`gantry login --url ${publicUrl}\ngantry whoami\ngantry module list\ngantry --help`}</code>
        </pre>
        <h2>API</h2>
        <ul>
          <li>
            <a href="/api/v1/docs">Documentation</a>: every operation with a command and an example
          </li>
          <li>
            <a href="/api/v1/docs#authentication">How to authenticate</a>
          </li>
          <li>
            <a href="/api/v1/docs#errors">Error codes</a> and what they mean
          </li>
          <li>
            <a href="/api/v1/openapi.json">OpenAPI 3.1</a>, to generate a client
          </li>
          <li>
            <a href="/healthz">Health</a>, for monitors
          </li>
        </ul>
        <h2>Approvals and invitations</h2>
        <p>Gantry mails a link to each. The page that it opens says what you decide.</p>
      </article>
    </Layout>
  );
}
