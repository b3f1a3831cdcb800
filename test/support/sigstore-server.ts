import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fulcioHandler, initializeTLog, rekorHandler, tsaHandler } from '@sigstore/mock';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { z } from 'zod';
import { startHttpServer } from './http-server.ts';
import { startPrivateSigstore } from './private-sigstore.ts';

const defaultIssuer = 'https://issuer.test';

/** What a service does instead of its work. */
type Fault = 'refuses' | 'fails' | 'hangs up' | 'never ends';
type Route = 'fulcio' | 'rekor' | 'tsa' | 'token';

const routes: [RegExp, Route][] = [
  [/^\/api\/v2\/signingCert/, 'fulcio'],
  [/^\/api\/v[12]\/log\/entries/, 'rekor'],
  [/^\/api\/v1\/timestamp/, 'tsa'],
  [/^\/token/, 'token'],
];

function* repeat(text: string) {
  for (;;) yield text;
}

/**
 * Fulcio, Rekor 1 and 2, a timestamp authority and an issuer of CI tokens on one loopback port, by
 * the handlers of @sigstore/mock, and the trusted root of them all.
 */
export async function startSigstoreServer() {
  const issuedAt = new Date();
  const { trustedRoot, ca, tsa, logKeys } = await startPrivateSigstore(issuedAt);
  // As late as its timestamps, so after the moment from which the mock's root is valid.
  const loggedAt = new Date(issuedAt.getTime() + 60_000);
  const log = await initializeTLog('https://rekor.private.test', logKeys, loggedAt);
  const faults = new Map<Route, Fault>();

  const handlers = {
    signingCert: fulcioHandler(ca).fn,
    rekor1: rekorHandler(log).fn,
    timestamp: tsaHandler(tsa).fn,
  };

  const server = await startHttpServer((request, response) => {
    respond(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  const url = `http://${server.host}`;

  async function respond(request: IncomingMessage, response: ServerResponse) {
    const path = request.url ?? '/';
    const route = routes.find(([pattern]) => pattern.test(path))?.[1];
    const fault = route && faults.get(route);
    if (fault === 'hangs up') return response.destroy();
    if (fault === 'never ends')
      return void pipeline(repeat('x'.repeat(65_536)), response).catch(() => {});
    if (fault !== undefined) {
      const body = JSON.stringify({ code: 3, message: 'the service said no' });
      return response
        .writeHead(fault === 'refuses' ? 400 : 500, { 'content-type': 'application/json' })
        .end(body);
    }

    if (route === 'token') {
      // The caller names the job in the URL, as a runner does with the token of the request.
      const job = Object.fromEntries(new URL(path, url).searchParams);
      return send(response, { value: await makeToken({ audience: '', ...job }) });
    }

    const body = await json(request);
    if (route === 'fulcio') {
      const { status, text } = checkAudience(body);
      if (status !== 201) return response.writeHead(status).end(text);
    }

    const answer = await answerOf(path, body);
    const { statusCode, response: content, contentType = 'text/plain' } = answer;
    return response.writeHead(statusCode, { 'content-type': contentType }).end(content);
  }

  async function answerOf(path: string, body: unknown) {
    if (path.startsWith('/api/v2/signingCert')) return handlers.signingCert(JSON.stringify(body));
    if (path.startsWith('/api/v1/timestamp')) return handlers.timestamp(JSON.stringify(body));
    if (path.startsWith('/api/v1/')) return handlers.rekor1(JSON.stringify(canonicalDsse(body)));
    return logAsRekor2(body);
  }

  /** The mock keeps the request as the entry, and encodes its proof wrongly. Rekor does neither. */
  async function logAsRekor2(body: unknown) {
    const { hashedRekordRequestV002: wanted } = rekor2Request.parse(body);
    const entry = {
      apiVersion: '0.0.2',
      kind: 'hashedrekord',
      spec: {
        hashedRekordV002: {
          data: { algorithm: 'SHA2_256', digest: wanted.digest },
          signature: wanted.signature,
        },
      },
    };
    const { response } = await handlers.rekor1(JSON.stringify(entry));
    const [logged] = z.array(rekor1Entry).parse(Object.values(JSON.parse(String(response))));
    if (logged === undefined) throw new Error('expected an entry');
    const { body: canonicalizedBody, logID, verification } = logged;

    const { rootHash, checkpoint } = verification.inclusionProof;
    const answer = {
      logIndex: '0',
      logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '0',
      inclusionProof: {
        logIndex: '0',
        rootHash: Buffer.from(rootHash, 'hex').toString('base64'),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: checkpoint },
      },
      canonicalizedBody,
    };

    return {
      statusCode: 201,
      response: JSON.stringify(answer),
      contentType: 'application/json',
    };
  }

  return {
    url,
    trustedRoot,
    requests: server.requests,
    stop: server.stop,
    /** Makes a service fail until `heal`. */
    fail: (route: Route, fault: Fault) => faults.set(route, fault),
    heal: () => faults.clear(),
    signingConfig: (rekor: 1 | 2) => makeSigningConfig(url, rekor),
  };
}

export type SigstoreServer = Awaited<ReturnType<typeof startSigstoreServer>>;

const { privateKey } = await generateKeyPair('ES256');

/** An identity token as CI issuers give it. */
export async function makeToken({
  audience = 'sigstore',
  subject = 'https://git.test/acme/redis@refs/tags/v1.0.0',
  issuer = defaultIssuer,
  expiresInS = 300,
}: {
  audience?: string;
  subject?: string;
  issuer?: string;
  expiresInS?: number;
}): Promise<string> {
  const end = Math.floor(Date.now() / 1000) + expiresInS;
  return new SignJWT({ event_name: 'push' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(audience)
    .setExpirationTime(end)
    .sign(privateKey);
}

const fulcioRequest = z.object({ credentials: z.object({ oidcIdentityToken: z.string() }) });

/** The mock reads any token. Fulcio accepts only those for its own client id. */
function checkAudience(body: unknown): { status: number; text: string } {
  const token = fulcioRequest.parse(body).credentials.oidcIdentityToken;
  return decodeJwt(token).aud === 'sigstore'
    ? { status: 201, text: '' }
    : { status: 400, text: 'There was an error processing the identity token' };
}

const rekor2Request = z.object({
  hashedRekordRequestV002: z.object({ digest: z.string(), signature: z.unknown() }),
});

const rekor1Entry = z.object({
  body: z.string(),
  logID: z.string(),
  verification: z.object({
    inclusionProof: z.object({ rootHash: z.string(), checkpoint: z.string() }),
  }),
});

const rekor1Request = z.object({
  spec: z.object({
    proposedContent: z.object({ envelope: z.string(), verifiers: z.array(z.string()) }),
  }),
});
const envelopeSchema = z.object({
  payload: z.base64(),
  signatures: z.array(z.object({ sig: z.string() })),
});

/** Rekor 1 keeps hashes of a proposed envelope; the mock would keep the proposal. */
function canonicalDsse(body: unknown) {
  const { envelope, verifiers } = rekor1Request.parse(body).spec.proposedContent;
  const { payload, signatures } = envelopeSchema.parse(JSON.parse(envelope));
  const hash = (bytes: Buffer | string) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });

  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }, at) => ({ signature: sig, verifier: verifiers[at] })),
    },
  };
}

function makeSigningConfig(url: string, rekor: 1 | 2) {
  const service = (path: string, majorApiVersion = 1) => [
    {
      url: `${url}${path}`,
      majorApiVersion,
      validFor: { start: '2024-01-01T00:00:00Z' },
      operator: 'test',
    },
  ];

  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: service(''),
    rekorTlogUrls: service('', rekor),
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: service('/api/v1/timestamp'),
    tsaConfig: { selector: 'ANY' },
  };
}

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
