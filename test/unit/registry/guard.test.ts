import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { guardedDispatcher, type Resolve } from '../../../shared/registry/guard.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { networkError } from '../../../shared/registry/transport.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { codeOf } from '../../support/http-server.ts';
import { createTlsAuthority, type TlsAuthority } from '../../support/tls-authority.ts';

/** A server on loopback that says at which address of its machine it was reached. */
const server = createServer((incoming, response) => {
  // One connection for each request, so that each resolves the name again.
  response.writeHead(200, { connection: 'close' }).end(incoming.socket.localAddress);
});
let port: number;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/**
 * A name server of the test's own: answers each question with the next of these lists of addresses,
 * the last for ever.
 */
function resolver(...answers: string[][]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, _, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };

  return { resolve, asked };
}

/** The body that a request ended with, or the code of its error. */
async function outcome(url: string, allowed: string[], resolve?: Resolve): Promise<string> {
  const dispatcher = guardedDispatcher(allowed, resolve && { resolve });
  try {
    const answer = await request(url, { dispatcher });
    return await answer.body.text();
  } catch (error) {
    return networkError(error, url).code;
  } finally {
    await dispatcher.destroy();
  }
}

describe('a name', () => {
  test('is resolved once for a connection, which goes to the address that was judged', async () => {
    const { resolve, asked } = resolver(['127.0.0.1'], ['127.0.0.2']);
    expect(await outcome(`http://registry.example:${port}/`, ['127.0.0.1'], resolve)).toBe(
      '127.0.0.1',
    );
    expect(asked).toEqual(['registry.example']);
  });

  test('that is rebound to another address is judged again by the next connection, and refused', async () => {
    const { resolve, asked } = resolver(['127.0.0.1'], ['127.0.0.2'], ['169.254.169.254']);
    const dispatcher = guardedDispatcher(['127.0.0.1'], { resolve });
    const ask = () =>
      request(`http://registry.example:${port}/`, { dispatcher }).then((answer) =>
        answer.body.text(),
      );

    expect(await ask()).toBe('127.0.0.1');
    for (const _ of [1, 2]) {
      const error = await ask().catch((caught: unknown) => networkError(caught, ''));
      expect(isGantryError(error, 'address_refused')).toBe(true);
    }

    expect(asked).toHaveLength(3);
    await dispatcher.destroy();
  });

  test.each([
    [['8.8.8.8', '127.0.0.2']],
    [['2606:50c0:8000::154', '::ffff:127.0.0.1']],
    [['10.0.0.1']],
    [['fe80::1%lo']],
    [['64:ff9b::7f00:1']],
  ])('is refused when one of its addresses is not public: %j', async (addresses) => {
    const { resolve } = resolver(addresses);
    expect(await outcome('https://registry.example/', ['127.0.0.1'], resolve)).toBe(
      'address_refused',
    );
  });

  test('with a dot at its end, or spelled as a number, is one of the machine all the same', async () => {
    const { resolve } = resolver(['127.0.0.1']);
    expect(await outcome(`http://localhost.:${port}/`, [], resolve)).toBe('address_refused');

    for (const host of [
      '2130706433',
      '0x7f.1',
      '017700000001',
      '127.0.0.1.',
      '[::ffff:127.0.0.1]',
    ]) {
      expect(await outcome(`http://${host}:${port}/`, []), host).toBe('address_refused');
    }
  });

  test('that an operator listed may be private, and neither metadata nor loopback', async () => {
    const allowed = ['registry.corp.example'];
    for (const address of ['169.254.169.254', '127.0.0.1', 'fd00:ec2::254']) {
      const { resolve } = resolver([address]);
      expect(
        await outcome(`https://registry.corp.example:${port}/`, allowed, resolve),
        address,
      ).toBe('address_refused');
    }
  });
});

describe('a request without https', () => {
  test.each([['8.8.8.8'], ['10.1.2.3']])(
    'is refused at %s, allow-listed or not',
    async (address) => {
      const { resolve } = resolver([address]);
      expect(
        await outcome('http://registry.example/', ['10.0.0.0/8', 'registry.example'], resolve),
      ).toBe('address_refused');
      expect(await outcome(`http://${address}/`, ['10.0.0.0/8'])).toBe('address_refused');
    },
  );

  test('is answered on loopback where that is allow-listed, by name or network', async () => {
    expect(await outcome(`http://127.0.0.1:${port}/`, ['127.0.0.0/8'])).toBe('127.0.0.1');
    const { resolve } = resolver(['127.0.0.1']);
    expect(await outcome(`http://localhost:${port}/`, ['localhost'], resolve)).toBe('127.0.0.1');
  });
});

describe('a port', () => {
  test.each([22, 25, 53, 80, 389, 1023])('%i of a public host is refused', async (number) => {
    const { resolve, asked } = resolver(['8.8.8.8']);
    expect(await outcome(`https://registry.example:${number}/`, [], resolve)).toBe(
      'address_refused',
    );
    expect(asked).toEqual([]);
  });

  test('below 1024 is reached where an operator listed the host', async () => {
    // Nothing listens there.
    expect(await outcome('http://127.0.0.1:1/', ['127.0.0.1'])).toBe('registry_unreachable');
  });
});

describe('a registry', () => {
  test.each([
    ['redirects', 302, { location: 'http://127.0.0.2:1/' }, 'address_refused'],
    [
      'redirects to metadata',
      307,
      { location: 'http://169.254.169.254/latest/' },
      'address_refused',
    ],
    [
      'redirects with a login',
      302,
      { location: 'http://me:secret@127.0.0.1:1/' },
      'registry_response_invalid',
    ],
    ['redirects to a file', 302, { location: 'file:///etc/passwd' }, 'registry_response_invalid'],
    [
      'has its tokens',
      401,
      { 'www-authenticate': 'Bearer realm="http://127.0.0.2:1/t"' },
      'address_refused',
    ],
    [
      'has its tokens, with a login,',
      401,
      { 'www-authenticate': 'Bearer realm="http://a:b@127.0.0.1:1/t"' },
      'registry_response_invalid',
    ],
  ])('that %s elsewhere is judged there too', async (_, status, headers, code) => {
    const hostile = createServer((_request, response) =>
      response.writeHead(status, headers).end('{"tags":["v1"]}'),
    );
    await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));

    const host = `127.0.0.1:${(hostile.address() as AddressInfo).port}`;
    const dispatcher = guardedDispatcher(['127.0.0.1']);
    const client = new RegistryClient({ host, dispatcher });
    const error = await client.listTags('a/b').catch((caught: unknown) => caught);

    expect(isGantryError(error) ? error.code : error).toBe(code);
    await dispatcher.destroy();
    await new Promise((resolve) => hostile.close(resolve));
  });
});

describe('an authority of a registry', () => {
  let authority: TlsAuthority;
  let registry: DockerRegistry;

  beforeAll(async () => {
    authority = await createTlsAuthority();
    const tls = await authority.issue('registry.test', ['127.0.0.1']);
    registry = await startDockerRegistry({ tls });
  });
  afterAll(async () => {
    await registry.stop();
    await authority.close();
  });

  /** The code of a request to the registry with a guard. */
  async function codeWith(allowed: string[], ca: string | null): Promise<string> {
    const dispatcher = guardedDispatcher(allowed, { ca });
    try {
      const client = new RegistryClient({ host: registry.host, plainHttp: false, dispatcher });
      return await codeOf(client.listTags('a/b'));
    } finally {
      await dispatcher.destroy();
    }
  }

  test('is trusted where it is given, and nowhere else', async () => {
    expect(await codeWith(['127.0.0.1'], authority.pem)).toBe('registry_not_found');
    expect(await codeWith(['127.0.0.1'], null)).toBe('registry_unreachable');
  });

  test('opens no address that the guard refuses', async () => {
    expect(await codeWith([], authority.pem)).toBe('address_refused');
  });
});
