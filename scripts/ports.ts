import { once } from 'node:events';
import { createServer } from 'node:net';
import { GantryError } from '../shared/error.ts';

const host = '127.0.0.1';

/** A port of 127.0.0.1 that nothing listens on; `0` asks for any. `undefined` when it is taken. */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}

export interface PortWish {
  /** The environment variable that can ask for a port. */
  variable: string;
  /** The port used the last time: addresses in mails and bookmarks stay good. */
  kept: number | undefined;
}

/**
 * The port that was asked for, else the kept one, else any free one.
 *
 * @throws GantryError `port_taken` when a port that was asked for is in use, `usage` when it is not a port
 */
export async function choosePort(wish: PortWish): Promise<number> {
  const asked = process.env[wish.variable];
  if (asked !== undefined && asked !== '') {
    const port = Number(asked);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new GantryError('usage', `${wish.variable}: expected a port from 1 to 65535, found ${asked}`);
    }
    if ((await tryPort(port)) === undefined) {
      throw new GantryError('port_taken', `Port ${port}, asked for by ${wish.variable}, is in use by another program.`);
    }
    return port;
  }
  const port = (wish.kept === undefined ? undefined : await tryPort(wish.kept)) ?? (await tryPort(0));
  if (port === undefined) throw new GantryError('port_taken', `Found no free port on ${host}.`);
  return port;
}
