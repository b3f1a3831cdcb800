import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { type HttpServer, sendJson, startHttpServer } from './http-server.ts';

const file = (name: string) =>
  fileURLToPath(new URL(`../fixtures/token-auth/${name}`, import.meta.url));

/** A token service as distribution's "Token Authentication Specification" has it, for one user. */
export interface TokenService extends HttpServer {
  /** What a docker-registry needs to believe its tokens. */
  auth: { realm: string; service: string; issuer: string; certificateFile: string };
  /** Seconds that tokens live from now on. */
  lifeSeconds: number;
}

export async function startTokenService(user: {
  username: string;
  password: string;
}): Promise<TokenService> {
  const certificate = new X509Certificate(readFileSync(file('certificate.pem')));
  const key = createPrivateKey(readFileSync(file('key.pem')));
  const expected = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
  const issuer = 'token service of tests';
  const state = { lifeSeconds: 300 };

  const server = await startHttpServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://token.test');
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }

    const [type, name, actions = ''] = (url.searchParams.get('scope') ?? '').split(':');
    const now = Math.floor(Date.now() / 1000);

    new SignJWT({ access: [{ type, name, actions: actions.split(',') }] })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: [certificate.raw.toString('base64')] })
      .setIssuer(issuer)
      .setSubject(user.username)
      .setAudience(url.searchParams.get('service') ?? '')
      .setIssuedAt(now)
      .setNotBefore(now - 5)
      .setExpirationTime(now + state.lifeSeconds)
      .setJti(randomUUID())
      .sign(key)
      .then((token) => sendJson(response, { token, expires_in: state.lifeSeconds }))
      .catch((error) => response.destroy(error));
  });

  const realm = `http://${server.host}/token`;
  const certificateFile = file('certificate.pem');
  return Object.assign(state, server, {
    auth: { realm, service: 'registry.test', issuer, certificateFile },
  });
}
