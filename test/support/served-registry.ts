import { RegistryClient, type RegistryClientOptions } from '../../shared/registry/index.ts';
import { type Handler, type HttpServer, startHttpServer } from './http-server.ts';

const servers: HttpServer[] = [];

/** A server until `stopServers`, which a test file calls after each test. */
export async function serve(handle: Handler): Promise<HttpServer> {
  const server = await startHttpServer(handle);
  servers.push(server);
  return server;
}

/** A server that plays a registry, and a client of it. */
export async function clientOf(handle: Handler, options: Partial<RegistryClientOptions> = {}) {
  const server = await serve(handle);
  return { server, client: new RegistryClient({ host: server.host, ...options }) };
}

export async function stopServers(): Promise<void> {
  for (const server of servers.splice(0)) await server.stop();
}

/** A stream's bytes. */
export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
