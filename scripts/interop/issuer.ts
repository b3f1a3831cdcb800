import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { freePort } from '../docker-registry.ts';

/** An OpenID Connect issuer that Fulcio trusts. */
export interface Issuer {
  url: string;
  /** An identity token for an address, as a CI job or a sign-in gives it. */
  makeToken: (email: string) => Promise<string>;
  stop: () => Promise<void>;
}

/** Starts an issuer that serves what Fulcio reads: its metadata and its key. */
export async function startIssuer(): Promise<Issuer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'interop', alg: 'RS256', use: 'sig' };

  const documents: Record<string, unknown> = {
    '/.well-known/openid-configuration': {
      issuer: url,
      jwks_uri: `${url}/keys`,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    },
    '/keys': { keys: [key] },
  };

  const server = createServer((request, response) => {
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    url,
    makeToken: (email) =>
      new SignJWT({ email, email_verified: true })
        .setProtectedHeader({ alg: 'RS256', kid: key.kid })
        .setIssuer(url)
        .setSubject(email)
        .setAudience('sigstore')
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey),
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
