import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

export interface Forwarder {
  /** `http://127.0.0.1:<port>`: the API at the root of one origin, as on AWS. */
  url: string;
  stop: () => Promise<void>;
}

/**
 * Serves an HTTP API of the local cloud, which has a long path, at the root of an origin. Bodies
 * are streamed both ways, and headers are kept.
 */
export async function startForwarder(
  port: number,
  cloudEndpoint: string,
  apiId: string,
): Promise<Forwarder> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    const target = new URL(`${cloudEndpoint}/_aws/execute-api/${apiId}/$default`);
    forward(incoming, outgoing, target, agent);
  });

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Headers of one connection, which a proxy does not pass on (RFC 9110, section 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: URL,
  agent: Agent,
): void {
  const upstream = request({
    agent,
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    // The URL is not parsed and rebuilt, so that an encoded slash stays encoded.
    path: `${target.pathname}${incoming.url ?? '/'}`,
    headers: {
      ...withoutHopByHop(incoming.headers),
      'x-forwarded-for': [incoming.headers['x-forwarded-for'], incoming.socket.remoteAddress]
        .filter(Boolean)
        .join(', '),
      'x-forwarded-proto': 'http',
      'x-forwarded-host': incoming.headers.host ?? '',
      'x-forwarded-port': String(incoming.socket.localPort ?? ''),
    },
  });

  upstream.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
    pipeline(answer, outgoing, () => {});
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else
      outgoing
        .writeHead(502, { 'content-type': 'text/plain' })
        .end('The local cloud does not respond.\n');
  });

  outgoing.on('close', () => upstream.destroy());
  pipeline(incoming, upstream, () => {});
}

function withoutHopByHop(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}
