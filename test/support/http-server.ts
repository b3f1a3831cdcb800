import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { GantryError } from '../../shared/base/error.ts';

export interface HttpServer {
  /** `127.0.0.1:<port>` */
  host: string;
  /** What was asked, in order. */
  requests: { method: string; url: string; authorization: string | undefined }[];
  stop: () => Promise<void>;
}

/** A small HTTP server for answers that no real registry gives on demand. */
export async function startHttpServer(handle: Handler): Promise<HttpServer> {
  const requests: HttpServer['requests'] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, authorization: headers.authorization });
    handle(request, response);
  });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');

  return {
    host: `127.0.0.1:${address.port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Sends a JSON response. */
export function sendJson(
  response: ServerResponse,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(200, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(value));
}

/** A handler that answers everything with one status. */
export function always(code: number, headers: Record<string, string> = {}): Handler {
  return (_, response) => response.writeHead(code, headers).end('{}');
}

/** The code of the GantryError that a promise ends with; `none` without one. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error) => (error instanceof GantryError ? error.code : `not a GantryError: ${error}`),
  );
}
