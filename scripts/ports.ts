import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { GantryError } from '../shared/base/error.ts';

const host = '127.0.0.1';

/** The port of 127.0.0.1, or `undefined` when something listens on it. */
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
  /** The port of the last run, so that addresses in mails and bookmarks stay valid. */
  kept: number | undefined;
}

/**
 * These ports are below the range of outgoing connections, so that a kept port is also free the
 * next time.
 */
const firstPorts = { from: 20_000, to: 32_000 };
const tries = 50;

/**
 * Returns the requested port, else the kept one, else any free one. If the kept port is taken, it
 * does not choose another, because logins, mailed links and enrolled machines know that address.
 *
 * @throws GantryError `port_taken` when a port that was asked for or kept is in use, `usage` when
 * it is not a port
 */
export async function choosePort(wish: PortWish): Promise<number> {
  const asked = process.env[wish.variable];
  if (asked !== undefined && asked !== '') {
    const port = Number(asked);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new GantryError(
        'usage',
        `${wish.variable}: expected a port from 1 to 65535, found ${asked}`,
      );
    }

    if ((await tryPort(port)) === undefined) {
      throw new GantryError(
        'port_taken',
        `Port ${port}, asked for by ${wish.variable}, is in use by another program.`,
      );
    }

    return port;
  }

  if (wish.kept !== undefined) {
    if ((await tryPort(wish.kept)) !== undefined) return wish.kept;
    const sentence = `Port ${wish.kept}, used the last time, is in use by another program: free it, or ask for one with ${wish.variable}.`;
    throw new GantryError('port_taken', sentence);
  }

  return freePort();
}

async function freePort(): Promise<number> {
  for (let i = 0; i < tries; i++) {
    const port = await tryPort(randomInt(firstPorts.from, firstPorts.to));
    if (port !== undefined) return port;
  }
  throw new GantryError(
    'port_taken',
    `Found no free port on ${host} from ${firstPorts.from} to ${firstPorts.to}.`,
  );
}
