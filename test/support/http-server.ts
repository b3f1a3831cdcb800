import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface HttpServer {
  /** `127.0.0.1:<port>` */
  host: string;
  /** What was asked, in order. */
  requests: { method: string; url: string; authorization: string | undefined }[];
  stop: () => Promise<void>;
}

/** A small HTTP server for answers that no real registry gives on demand. */
export async function startHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpServer> {
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
