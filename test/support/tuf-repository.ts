import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  Key,
  Metadata,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from '@tufjs/models';
import { type HttpServer, startHttpServer } from './http-server.ts';

const roles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
const specVersion = '1.0.31';
const day = 24 * 3600 * 1000;

interface Signer {
  key: Key;
  privateKey: KeyObject;
}

/**
 * A TUF repository of a test's own, served on loopback: one key for all roles, made again by
 * `rotate`.
 */
export class TufRepository {
  /** What is served, by path. A test may take a copy, to put older files back. */
  files = new Map<string, string>();
  /** The first root, as a client ships it. */
  readonly anchor: string;
  private signer = newSigner();
  private versions = { root: 1, targets: 0, snapshot: 0, timestamp: 0 };
  private server: HttpServer | undefined;

  constructor() {
    this.anchor = this.publishRoot([this.signer]);
  }

  async start(): Promise<void> {
    this.server = await startHttpServer((request, response) => {
      const file = this.files.get((request.url ?? '').slice(1));
      response.writeHead(file === undefined ? 404 : 200).end(file);
    });
  }

  get mirror(): string {
    return `http://${this.server?.host}`;
  }

  get asked(): string[] {
    return this.server?.requests.map(({ url }) => url) ?? [];
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  /**
   * Publishes the trust root in metadata of one version more, which expires that many days from
   * now.
   */
  publish(trustedRoot: unknown, days: Partial<Record<'timestamp' | 'targets', number>> = {}): void {
    const content = JSON.stringify(trustedRoot);
    const hash = createHash('sha256').update(content).digest('hex');
    for (const role of ['targets', 'snapshot', 'timestamp'] as const) this.versions[role] += 1;
    const { targets: version, snapshot, timestamp } = this.versions;
    const expires = (ofDays = 7) =>
      `${new Date(Date.now() + ofDays * day).toISOString().slice(0, 19)}Z`;

    const targets = new Targets({ specVersion, version, expires: expires(days.targets) });
    targets.addTarget(
      new TargetFile({
        path: 'trusted_root.json',
        length: content.length,
        hashes: { sha256: hash },
      }),
    );

    this.files.set(`${version}.targets.json`, this.signed(new Metadata(targets)));
    const meta = { 'targets.json': new MetaFile({ version }) };

    this.files.set(
      `${snapshot}.snapshot.json`,
      this.signed(
        new Metadata(new Snapshot({ specVersion, version: snapshot, expires: expires(), meta })),
      ),
    );

    const snapshotMeta = new MetaFile({ version: snapshot });
    const stamped = new Timestamp({
      specVersion,
      version: timestamp,
      expires: expires(days.timestamp),
      snapshotMeta,
    });

    this.files.set('timestamp.json', this.signed(new Metadata(stamped)));
    this.files.set(`targets/${hash}.trusted_root.json`, content);
  }

  /**
   * Hands all roles to a new key, by a root that both keys sign. What is published from then on is
   * signed by the new one.
   */
  rotate(): void {
    const old = this.signer;
    this.signer = newSigner();
    this.versions.root += 1;
    this.publishRoot([old, this.signer]);
  }

  private publishRoot(signers: Signer[]): string {
    const expires = `${new Date(Date.now() + 365 * day).toISOString().slice(0, 19)}Z`;
    const root = new Root({
      specVersion,
      version: this.versions.root,
      expires,
      consistentSnapshot: true,
    });

    for (const role of roles) root.addKey(this.signer.key, role);
    const metadata = new Metadata(root);
    for (const signer of signers) signWith(metadata, signer);
    const text = JSON.stringify(metadata.toJSON());

    this.files.set(`${this.versions.root}.root.json`, text);
    return text;
  }

  private signed(metadata: Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>): string {
    signWith(metadata, this.signer);
    return JSON.stringify(metadata.toJSON());
  }
}

function signWith(metadata: { sign: Metadata<Root>['sign'] }, { key, privateKey }: Signer): void {
  metadata.sign(
    (bytes) =>
      new Signature({ keyID: key.keyID, sig: sign('sha256', bytes, privateKey).toString('hex') }),
  );
}

function newSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keyID = createHash('sha256').update(pem).digest('hex');

  const key = new Key({
    keyID,
    keyType: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    keyVal: { public: pem },
  });

  return { key, privateKey };
}
