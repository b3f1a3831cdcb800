import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { always, codeOf, type Handler } from '../../support/http-server.ts';
import { clientOf, serve, stopServers } from '../../support/served-registry.ts';
import { createTlsAuthority } from '../../support/tls-authority.ts';

afterEach(stopServers);

const bytes = Buffer.from('a layer');
const blob = {
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  size: bytes.length,
};
const credentials = { username: 'u', password: 'p' };
const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;
const challenge = { 'www-authenticate': 'Basic realm="r"' };

/** A registry that wants a password, and sends uploads to a URL. */
function registryOf(location: () => string): Handler {
  return (request, response) => {
    if (request.headers.authorization !== basic) return always(401, challenge)(request, response);
    if (request.method === 'HEAD') return always(404)(request, response);
    return always(202, { location: location() })(request, response);
  };
}

function created(response: ServerResponse) {
  response.writeHead(201).end();
}

// findings/registries.md, row 37: oras-project/oras-go#1152 (GHSA-jxpm-75mh-9fp7),
// containers/buildah#4788.
describe('report upload-location', () => {
  test('an upload that the registry sends to another host carries no credentials', async () => {
    const storage = await serve((_, response) => created(response));
    const { client } = await clientOf(
      registryOf(() => `http://${storage.host}/upload?signature=x`),
      { credentials },
    );

    expect(await client.pushBlob('a/b', blob, bytes)).toEqual({ uploaded: true });
    expect(storage.requests).toEqual([
      {
        method: 'PUT',
        url: `/upload?signature=x&digest=${encodeURIComponent(blob.digest)}`,
        authorization: undefined,
      },
    ]);
  });

  test('a challenge of that host gets no credentials either', async () => {
    const storage = await serve(always(401, challenge));
    const { client } = await clientOf(
      registryOf(() => `http://${storage.host}/upload`),
      { credentials },
    );

    expect(await codeOf(client.pushBlob('a/b', blob, bytes))).toBe('registry_unauthorized');
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('an upload stays with https where the registry names http', async () => {
    const authority = await createTlsAuthority();
    const { certificate, key } = await authority.issue('registry.test', ['127.0.0.1']);
    const seen: string[] = [];
    let host = '';

    const server = createServer(
      { cert: readFileSync(certificate), key: readFileSync(key) },
      (request, response) => {
        seen.push(`${request.method} ${request.headers.authorization === basic}`);
        request.resume();
        if (request.method === 'PUT') return created(response);
        return registryOf(() => `http://${host}/upload`)(request, response);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

    const dispatcher = new Agent({ connect: { ca: authority.pem } });
    const client = new RegistryClient({ host, plainHttp: false, credentials, dispatcher });
    expect(await client.pushBlob('a/b', blob, bytes)).toEqual({ uploaded: true });
    expect(seen).toEqual(['HEAD false', 'HEAD true', 'POST true', 'PUT true']);

    await dispatcher.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await authority.close();
  });
});
