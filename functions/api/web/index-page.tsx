import { Layout } from './layout.tsx';

export function IndexPage({ publicUrl }: { publicUrl: string }) {
  return (
    <Layout title="Module supply chain">
      <article class="card">
        <h1>Gantry</h1>
        <p class="lead">Delivers signed modules from OCI registries to running machines.</p>
        <p>poll → verify → ingest → promote → compose → reconcile</p>
        <h2>Interfaces</h2>
        <ul>
          <li>
            <a href="/api/v1/docs">API documentation</a>, also as{' '}
            <a href="/api/v1/openapi.json">OpenAPI 3.1</a>
          </li>
          <li>
            Command line: <code>gantry login --url {publicUrl}</code>
          </li>
          <li>
            <a href="/healthz">Health</a>, for monitors
          </li>
        </ul>
      </article>
    </Layout>
  );
}
