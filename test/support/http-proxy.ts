import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export interface HttpProxy {
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** What it was asked for, such as `CONNECT registry.test:443` or `GET http://api.test/`. */
  asked: string[];
  stop: () => Promise<void>;
}

export interface HttpProxyOptions {
  /** The `Proxy-Authorization` that it wants. */
  authorization?: string;
  /** Where hosts really are, by `host:port`: the proxy resolves names that the client cannot. */
  hosts?: Record<string, string>;
}

/** A proxy that forwards http and tunnels the rest by CONNECT (RFC 9110, §7.6 and §9.3.6). */
export async function startHttpProxy(options: HttpProxyOptions = {}): Promise<HttpProxy> {
  const { authorization, hosts = {} } = options;
  const asked: string[] = [];
  const isRefused = (given: string | undefined) =>
    authorization !== undefined && given !== authorization;

  const server = createServer((incoming, response) => {
    const { method, url = '', headers } = incoming;
    asked.push(`${method} ${url}`);
    if (isRefused(headers['proxy-authorization'])) return response.writeHead(407).end();

    const { host, hostname, port, pathname, search } = new URL(url);
    const [at = hostname, atPort = port || '80'] = hosts[host]?.split(':') ?? [];
    const onward = request(
      { host: at, port: atPort, path: pathname + search, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.writeHead(502).end());
    return incoming.pipe(onward);
  });

  server.on('connect', ({ url = '', headers }, socket) => {
    asked.push(`CONNECT ${url}`);
    if (isRefused(headers['proxy-authorization'])) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }

    const [host = '', port] = (hosts[url] ?? url).split(':');
    const tunnel = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      tunnel.pipe(socket);
      socket.pipe(tunnel);
    });
    tunnel.on('error', () => socket.destroy());
    socket.on('error', () => tunnel.destroy());
  });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
