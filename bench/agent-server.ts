import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { encodeFileIndex, readWithOutside, writeModuleTar } from '../shared/artifact/index.ts';
import { composefsImage } from '../shared/composefs/index.ts';
import { compose } from '../shared/composition/index.ts';
import {
  makeDesiredState,
  makeRoot,
  rootSha256,
  signMetadata,
  tufKey,
} from '../shared/director/index.ts';
import type { CompositionLayer } from '../shared/domain/compose/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';
import { signArtifact } from '../shared/signature/index.ts';

const inAWeek = new Date(Date.now() + 7 * 86_400_000);

/** A control plane and its bucket for one agent, with one signed module, on loopback. */
export class AgentServer {
  /** The requests since the last reset, such as `GET layer`. */
  readonly requests: string[] = [];
  /** Bytes of layers and of file indexes that were sent since the last reset. */
  sent = { layer: 0, index: 0 };
  /** Bytes of all connections that ended since the last reset, both ways, without TCP and TLS. */
  wireBytes = 0;
  readonly #objects = new Map<string, Buffer>();
  readonly #author = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #director = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #layer = '';
  #root: Buffer = Buffer.alloc(0);
  #url = '';

  static async start(): Promise<AgentServer> {
    const server = new AgentServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.#url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    server.#server.on('connection', (socket) =>
      socket.once('close', () => {
        server.wireBytes += socket.bytesRead + socket.bytesWritten;
      }),
    );

    const publicKeyPem = pemOf(server.#director);
    server.#root = await server.#sign(makeRoot({ publicKeyPem, expires: inAWeek, version: 1 }));
    return server;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  reset(): void {
    this.requests.length = 0;
    this.sent = { layer: 0, index: 0 };
    this.wireBytes = 0;
  }

  /** A join token for the agent. */
  token(): string {
    const root_sha256 = rootSha256(this.#root);
    const token = { url: this.#url, account: 'acme', instance: 'ins_1', secret: 's', root_sha256 };
    return Buffer.from(JSON.stringify(token)).toString('base64url');
  }

  /** Publishes a desired state with one module of these files. Returns the size of its image. */
  async publish(
    version: number,
    entries: TreeEntry[],
    open: (entry: TreeEntry) => Uint8Array,
  ): Promise<number> {
    const manifest = { schema_version: 1, name: 'base', file_spec: ['/***'], mask: [] };
    const manifestJson = JSON.stringify(manifest);
    const tar = Buffer.concat(
      await Array.fromAsync(writeModuleTar({ manifestJson, mtime: 0, entries, open })),
    );

    this.#objects.clear();
    this.#layer = this.#put(tar);
    this.#objects.set(`file-index:${this.#layer}`, await indexOf(tar));
    const layers = [{ digest: this.#layer, size: tar.length }];
    const digest = this.#put(Buffer.from(JSON.stringify({ schemaVersion: 2, layers })));
    const bundle = signArtifact({ digest, key: this.#author.privateKey });
    const candidates = [{ format: 'bundle', source: 'referrers', claimed_digest: digest, bundle }];
    const signatures = Buffer.from(JSON.stringify({ digest, candidates }));
    this.#objects.set(`stored-signatures:${digest}`, signatures);

    const layer = {
      account: 'acme',
      module: 'base',
      version: `${version}.0.0`,
      version_id: 'ver_1',
      digest,
      manifest_digest: digest,
      layer_digest: this.#layer,
      layer_size: tar.length,
      composefs_digest: `sha256:${composefsImage(entries).digest}`,
      priority: 10,
      variety: 'subscription',
      parent_module: null,
    } as const;
    return this.#publishLayer(version, layer, entries);
  }

  async #publishLayer(
    version: number,
    layer: Omit<CompositionLayer, 'entries' | 'file_spec' | 'mask' | 'protected_spec'>,
    entries: TreeEntry[],
  ): Promise<number> {
    const specs = { file_spec: ['/***'], mask: [], protected_spec: [] };
    const composition = compose([{ ...layer, ...specs, entries }]);
    const { image, digest } = composefsImage(composition.entries);
    const sha256 = createHash('sha256').update(image).digest('hex');

    const custom = {
      account: 'acme',
      instance: 'ins_1',
      template: 'tpl_1',
      track: 'live' as const,
      composition_digest: `sha256:${digest}`,
      layers: [{ ...layer, effective_mask: [] }],
      signature_policies: [
        {
          module: 'acme/base',
          identities: [],
          keys: [pemOf(this.#author)],
          require_tlog: false,
          trusted_root: null,
        },
      ],
      rendered_files: [],
      metadata: { instance: {}, modules: {} },
      jobs: [],
      approvals: [],
    };

    const stated = { length: image.length, sha256 };
    const state = makeDesiredState({ custom, image: stated, version, expires: inAWeek });
    this.#objects.set('desired-state', await this.#sign(state));
    return image.length;
  }

  #put(bytes: Buffer): string {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.#objects.set(digest, bytes);
    return digest;
  }

  async #sign(metadata: Parameters<typeof signMetadata>[0]): Promise<Buffer> {
    const { privateKey } = this.#director;
    const { keyID } = tufKey(pemOf(this.#director));
    return signMetadata(metadata, async (bytes) => sign('sha256', bytes, privateKey), keyID);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#url);
    const name = decodeURIComponent(url.pathname.slice('/bucket/'.length));
    if (url.pathname.startsWith('/bucket/')) {
      this.#serveObject(name, request, response);
      return;
    }

    const verb = url.pathname.slice('/api/v1/agent/'.length);
    this.requests.push(`POST ${verb}`);
    const body = JSON.parse((await text(request)) || '{}') as { digests?: string[] };
    response.end(JSON.stringify(this.#answer(verb, body.digests ?? [])));
  }

  #answer(verb: string, names: string[]): unknown {
    const address = (name: string) => `${this.#url}/bucket/${encodeURIComponent(name)}`;
    switch (verb) {
      case 'enroll': {
        const root = this.#root.toString('base64');
        return { credential: 'c', instance: 'ins_1', account: 'acme', root };
      }
      case 'heartbeat':
        return {
          desired_state_url: address('desired-state'),
          root_urls: [],
          expires_at: inAWeek.toISOString(),
        };
      case 'artifacts':
        return { urls: Object.fromEntries(names.map((name) => [name, address(name)])) };
      default:
        return { accepted: true };
    }
  }

  #serveObject(name: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const bytes = this.#objects.get(name) ?? Buffer.alloc(0);
    const kind = name === this.#layer ? 'layer' : name.replace(/:.*/, '');
    this.requests.push(`GET ${kind}`);

    const etag = `"${createHash('sha1').update(bytes.subarray(0, 65536)).digest('hex')}"`;
    if (headers['if-none-match'] === etag) {
      response.writeHead(304, { etag }).end();
      return;
    }

    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
    if (kind === 'layer') this.sent.layer += part.length;
    if (kind === 'file-index') this.sent.index += part.length;
    if (from === undefined) response.writeHead(200, { etag }).end(part);
    else {
      const range = `bytes ${from}-${to}/${bytes.length}`;
      response.writeHead(206, { 'content-range': range }).end(part);
    }
  }
}

function pemOf({ publicKey }: ReturnType<typeof generateKeyPairSync>): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** The file index of a layer, as ingest stores it. */
async function indexOf(tar: Buffer): Promise<Buffer> {
  const read = await readWithOutside(Readable.from([tar]), { allowDevices: true });
  return Buffer.from(await encodeFileIndex(read.tar.entries, read.outside));
}
