import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { type EnrollOptions, enroll } from '../../../agent/enroll.ts';
import { readMounts } from '../../../agent/mounts.ts';
import { runOnce } from '../../../agent/run.ts';
import type { TickResult } from '../../../agent/tick-result.ts';
import { GantryError, isGantryError } from '../../../shared/base/error.ts';
import type {
  AgentReport,
  enrollBody,
  JoinToken,
} from '../../../shared/contract/machines/index.ts';
import {
  agentReport,
  artifactUrlsRequest,
  heartbeatRequest,
} from '../../../shared/contract/machines/index.ts';
import { makeRoot, rootSha256, signMetadata } from '../../../shared/director/index.ts';
import { newChain } from '../../../shared/domain/machines/index.ts';
import { checkCall, checkProof } from '../../../shared/dpop/index.ts';
import { signArtifact } from '../../../shared/signature/index.ts';
import { director, inAYear } from './directors.ts';
import {
  buildModule,
  composeState,
  type Module,
  type ModuleOptions,
  type StateOptions,
} from './machine-content.ts';

export { director, rootOf } from './directors.ts';
export type { Module } from './machine-content.ts';

/**
 * In memory where possible: an agent syncs what it writes, and would wait for a disk that others
 * use.
 */
const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * A control plane and its bucket as one real HTTP server on loopback, with real keys, tars and
 * signatures, and one machine's directory beside it. What it serves can be replaced at will, as
 * an attacker with the bucket could.
 */
export class World {
  readonly author = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly director = director();
  readonly reports: AgentReport[] = [];
  /** The keys that enrolments and heartbeats sent, to which values for the machine are sealed. */
  readonly sealingKeys: unknown[] = [];
  readonly requests: string[] = [];
  /** What the bucket serves, by name. */
  readonly objects = new Map<string, Buffer>();
  /** Responses of the agent's API, in place of the usual ones. */
  refuse: { verb: string; status: number; code: string } | undefined;
  /** Responses to a GET of the bucket, in place of the usual ones. */
  refusedObject: { name: string; status: number; code: string } | undefined;
  /** Takes a request for an object, in place of the usual response, where it returns true. */
  intercept: ((asked: AskedObject, response: ServerResponse) => boolean) | undefined;
  /** Names of content that the control plane refuses to give an address of. */
  refusedNames: RegExp | undefined;
  /** The bytes of objects that were sent, by name. */
  readonly sent = new Map<string, number>();
  /** What is handed out in place of the addresses that these calls ask for. */
  handedOut: { verb: 'heartbeat' | 'artifacts'; url: string } | undefined;
  /** Calls that are taken and whose answers do not arrive. */
  answersToLose = 0;
  /** Presigned URLs of before this many heartbeats are refused. */
  session = 0;
  /** The account's roots, the first of them pinned by join tokens. */
  roots: Buffer[] = [];
  dir = '';
  /** What the test mounted below `dir`, in this order. It is unmounted before `dir` is removed. */
  mounts: string[] = [];
  url = '';
  /** The machine's clock, and the control plane's. */
  now = () => new Date();
  serverNow = () => this.now();
  /** The `Date` header of answers, in place of the control plane's time. */
  dateHeader: string | undefined;
  readonly #server: Server = createServer((request, response) => {
    this.#serve(request, response).catch((error) => {
      response.writeHead(500).end(JSON.stringify({ code: 'internal', detail: String(error) }));
    });
  });
  #secret = 'join-secret';
  #thumbprint: string | undefined;
  #chain = newChain;

  static async start(): Promise<World> {
    const world = new World();
    world.dir = await mkdtemp(join(scratch, 'gantry-agent-'));
    await new Promise<void>((resolve) => world.#server.listen(0, '127.0.0.1', resolve));
    world.url = `http://127.0.0.1:${(world.#server.address() as AddressInfo).port}`;

    const root = makeRoot({
      publicKeyPem: world.director.publicKeyPem,
      expires: inAYear,
      version: 1,
    });

    world.roots = [await signMetadata(root, world.director.signer, world.director.keyId)];
    return world;
  }

  async stop(): Promise<void> {
    for (const path of this.mounts.splice(0).reverse()) execFileSync('umount', ['--lazy', path]);
    await this.unmountAll();

    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.dir, { recursive: true, force: true });
  }

  /** What is mounted in the machine's directory, in the order of its making. */
  async mountPoints(): Promise<string[]> {
    const points = (await readMounts()).map(({ point }) => point);
    return points
      .filter((point) => point.startsWith(`${this.dir}/`))
      .map((point) => point.slice(this.dir.length + 1));
  }

  /** What a reboot does to the mounts. */
  async unmountAll(): Promise<void> {
    for (const point of (await this.mountPoints()).reverse()) {
      execFileSync('umount', ['--lazy', join(this.dir, point)]);
    }
  }

  token(changed: Partial<JoinToken> = {}): string {
    const token = {
      url: this.url,
      account: 'acme',
      instance: 'ins_1',
      secret: this.#secret,
      root_sha256: rootSha256(this.roots[0] as Buffer),
      ...changed,
    };
    return Buffer.from(JSON.stringify(token)).toString('base64url');
  }

  /** A new join token for the machine that the old one was for. */
  renewedToken(): string {
    this.#secret = 'another-secret';
    return this.token();
  }

  async enroll(
    options: Pick<EnrollOptions, 'layout' | 'way' | 'writablePaths'> = {},
  ): Promise<void> {
    await enroll({ token: this.token(), dir: this.dir, now: this.now, ...options });
  }

  async run(options: { policyFile?: string } = {}): Promise<TickResult> {
    return await runOnce({ dir: this.dir, now: this.now, ...options });
  }

  /** Builds, pushes and signs a module. */
  async module(options: ModuleOptions): Promise<Module> {
    const { tar, index: fileIndex, ...built } = await buildModule(options);
    const layer_digest = this.put(tar);
    this.objects.set(`file-index:${layer_digest}`, fileIndex);

    const manifest_digest = this.put(
      JSON.stringify({
        schemaVersion: 2,
        layers: [
          {
            mediaType: 'application/vnd.powernode.module.v1+tar',
            digest: layer_digest,
            size: tar.length,
          },
          ...(options.layers ?? []),
        ],
      }),
    );

    const size = (this.objects.get(manifest_digest) as Buffer).length;
    const entries = [...(options.entries ?? []), { digest: manifest_digest, size }];
    const index = { schemaVersion: 2, manifests: entries };
    const digest = options.index ? this.put(JSON.stringify(index)) : manifest_digest;

    this.sign(digest, options.key === undefined ? this.author.privateKey : options.key);

    const layer = {
      ...built.layer,
      version_id: `ver_${digest.slice(7, 31)}`,
      digest,
      manifest_digest,
      layer_digest,
      layer_size: tar.length,
    };

    return { layer, contents: built.contents };
  }

  put(bytes: string | Buffer): string {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.objects.set(digest, Buffer.from(bytes));
    return digest;
  }

  sign(digest: string, key: KeyObject | null): void {
    const candidates =
      key === null
        ? []
        : [
            {
              format: 'bundle',
              source: 'referrers',
              claimed_digest: digest,
              bundle: signArtifact({ digest, key }),
            },
          ];
    this.objects.set(
      `stored-signatures:${digest}`,
      Buffer.from(JSON.stringify({ digest, candidates })),
    );
  }

  /** Composes, and publishes the signed desired state. */
  async publish(options: StateOptions): Promise<Buffer> {
    const authorKey = this.author.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const { signer, keyId } = options.signer ?? this.director;
    const bytes = await signMetadata(composeState(options, authorKey), signer, keyId);

    this.objects.set('desired-state', bytes);
    return bytes;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', this.url);

    response.sendDate = false;
    response.setHeader('date', this.dateHeader ?? this.serverNow().toUTCString());
    this.requests.push(`${request.method} ${decodeURIComponent(url.pathname)}`);
    if (url.pathname === '/healthz') return void response.end('{}');
    if (url.pathname.startsWith('/bucket/')) return this.#serveObject(url, request, response);

    const verb = url.pathname.replace('/api/v1/agent/', '');
    try {
      if (this.refuse?.verb === verb) {
        const { status, code } = this.refuse;
        response.writeHead(status).end(JSON.stringify({ code, detail: `${verb} is refused` }));
        return;
      }

      const answer = await this.#answer(
        verb,
        request,
        response,
        JSON.parse(Buffer.concat(chunks).toString()),
      );

      if (this.answersToLose > 0) {
        this.answersToLose--;
        request.socket.destroy();
        return;
      }

      response
        .writeHead(answer === null ? 204 : 200)
        .end(answer === null ? '' : JSON.stringify(answer));
    } catch (error) {
      const code = isGantryError(error) ? error.code : 'internal';
      response.writeHead(401).end(JSON.stringify({ code, detail: (error as Error).message }));
    }
  }

  async #answer(
    verb: string,
    request: IncomingMessage,
    response: ServerResponse,
    body: unknown,
  ): Promise<unknown> {
    const expected = {
      htm: 'POST',
      htu: `${this.url}/api/v1/agent/${verb}`,
      now: this.serverNow(),
    };

    const proof = String(request.headers.dpop);
    if (verb === 'enroll') {
      const { thumbprint } = await checkProof(proof, expected);
      const { secret, account, instance, sealing_key } = body as z.infer<typeof enrollBody>;
      this.sealingKeys.push(sealing_key);

      if (secret !== this.#secret)
        throw new GantryError('join_token_used', 'The join token was used before.');

      this.#secret = '';
      this.#thumbprint = thumbprint;
      this.#chain = newChain;

      return {
        credential: 'credential-1',
        account,
        instance,
        root: (this.roots[0] as Buffer).toString('base64'),
      };
    }

    if (request.headers.authorization !== 'DPoP credential-1')
      throw new GantryError('unauthenticated', 'No credential.');

    const { place } = await checkProof(proof, {
      ...expected,
      accessToken: 'credential-1',
      ...(this.#thumbprint === undefined ? {} : { expectedThumbprint: this.#thumbprint }),
    });

    const verdict = checkCall(this.#chain, place);
    if (verdict.kind !== 'accepted')
      throw new GantryError('credential_reused', JSON.stringify(verdict));

    this.#chain = verdict.chain;
    response.setHeader('dpop-nonce', verdict.nonce);
    if (verb === 'heartbeat') return this.#heartbeat(heartbeatRequest.parse(body));

    if (verb === 'artifacts') {
      const { digests } = artifactUrlsRequest.parse(body);
      if (digests.some((name) => this.refusedNames?.test(name)))
        throw new GantryError('forbidden', 'Expected content of the desired state.');

      const known = digests.filter((name) => this.objects.has(name));
      return {
        urls: Object.fromEntries(known.map((name) => [name, this.#presigned(name, 'artifacts')])),
      };
    }

    this.reports.push(agentReport.parse(body));
    return null;
  }

  #heartbeat({ root_version, sealing_key }: z.infer<typeof heartbeatRequest>) {
    this.session++;
    this.sealingKeys.push(sealing_key);
    return {
      desired_state_url: this.#presigned('desired-state'),
      root_urls: this.roots
        .slice(root_version)
        .map((_, index) => this.#presigned(`root-${root_version + index}`)),
      expires_at: new Date(this.serverNow().getTime() + 3_600_000).toISOString(),
    };
  }

  #presigned(name: string, verb = 'heartbeat'): string {
    if (this.handedOut?.verb === verb) return this.handedOut.url;
    return `${this.url}/bucket/${encodeURIComponent(name)}?session=${this.session}`;
  }

  #serveObject(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const name = decodeURIComponent(url.pathname.slice('/bucket/'.length));
    if (Number(url.searchParams.get('session')) < this.session) {
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return;
    }

    if (this.refusedObject?.name === name) {
      const { status, code } = this.refusedObject;
      response.writeHead(status).end(JSON.stringify({ code }));
      return;
    }

    const root = /^root-(\d+)$/.exec(name)?.[1];
    const bytes = root === undefined ? this.objects.get(name) : this.roots[Number(root)];
    if (bytes === undefined) {
      response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
      return;
    }

    const range = request.headers.range;
    if (this.intercept?.({ name, range, bytes }, response) === true) return;

    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
    else if (range === undefined) this.#send(name, bytes, response.writeHead(200, { etag }));
    else this.#sendRange(name, range, bytes, response);
  }

  /** As S3 does for one range (RFC 9110, section 14). */
  #sendRange(name: string, range: string, bytes: Buffer, response: ServerResponse): void {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const part = bytes.subarray(Number(from), Number(to) + 1);
    if (part.length === 0) {
      response.writeHead(416).end();
      return;
    }

    const content = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
    this.#send(name, part, response.writeHead(206, { 'content-range': content }));
  }

  #send(name: string, bytes: Buffer, response: ServerResponse): void {
    this.sent.set(name, (this.sent.get(name) ?? 0) + bytes.length);
    response.end(bytes);
  }
}

/** A request for an object, and the bytes that the bucket has. */
export interface AskedObject {
  name: string;
  range: string | undefined;
  bytes: Buffer;
}
