import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { createTable } from '../../scripts/table.ts';
import { claimCandidate } from '../../shared/actions/candidates/index.ts';
import type { Services } from '../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../shared/actions/ingest/index.ts';
import { pollRepository } from '../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../shared/actions/verify/index.ts';
import { writeModuleTar } from '../../shared/artifact/index.ts';
import { versionId } from '../../shared/base/ids.ts';
import {
  type EventType,
  eventSchema,
  type GantryEvent,
} from '../../shared/contract/events/index.ts';
import { type QueueName, queueNames } from '../../shared/contract/queues.ts';
import type { Candidate } from '../../shared/domain/candidates/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import {
  attachBundle,
  emptyBlob,
  mediaTypes,
  type RegistryClient,
} from '../../shared/registry/index.ts';
import { signArtifact } from '../../shared/signature/index.ts';
import { getCandidate } from '../../shared/store/candidates/index.ts';
import { getRepository, setRepository } from '../../shared/store/poll/index.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { AuthorKey } from './world.ts';

export const layerType = 'application/vnd.powernode.module.v1+tar';

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A module tar whose manifest.json is the given text. */
export async function moduleTar(
  manifestJson: string,
  entries: Iterable<TreeEntry>,
  contents: Map<string, Buffer> = new Map(),
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const open = ({ path }: TreeEntry) => contents.get(path) ?? Buffer.alloc(0);
  for await (const chunk of writeModuleTar({ manifestJson, mtime: 1_700_000_000, entries, open }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

const never = '2999-01-01T00:00:00.000Z';

interface Layer {
  bytes: Buffer;
  mediaType?: string;
}

/**
 * Pushes a manifest with these layers under a tag, or under its digest alone; answers its
 * descriptor.
 */
export async function pushLayers(
  client: RegistryClient,
  repository: string,
  tag: string | null,
  layers: Layer[],
) {
  await client.pushBlob(repository, emptyBlob, emptyBlob.bytes);
  const descriptors = layers.map(({ bytes, mediaType = layerType }) => {
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  });

  for (const [index, { bytes }] of layers.entries()) {
    const descriptor = descriptors[index];
    if (descriptor !== undefined) await client.pushBlob(repository, descriptor, bytes);
  }

  const config = { mediaType: mediaTypes.empty, digest: emptyBlob.digest, size: emptyBlob.size };
  return pushManifest(client, repository, tag, mediaTypes.manifest, {
    config,
    layers: descriptors,
  });
}

/** Pushes a manifest or index of any content. */
export async function pushManifest(
  client: RegistryClient,
  repository: string,
  tag: string | null,
  mediaType: string,
  content: Record<string, unknown>,
) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  const digest = sha256(bytes);
  await client.putManifest(repository, tag ?? digest, { bytes, mediaType });
  return { mediaType, digest, size: bytes.length };
}

/** Signs a digest and attaches the signature; `subject` names another artifact to attach it to. */
export async function signDigest(
  client: RegistryClient,
  repository: string,
  digest: string,
  key: AuthorKey,
  subject = digest,
): Promise<void> {
  const bundle = signArtifact({ digest, key: key.private });
  await attachBundle(client, {
    repository,
    subject: await client.getManifest(repository, subject),
    bundle,
    createdAt: new Date(),
  });
}

/** Handles a request itself (true), or passes it on to the registry. */
export type Interference = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface RegistryProxy extends HttpServer {
  /** What is done to requests; null lets all through. */
  interfere: Interference | null;
  /** Bytes a second at which blobs are answered; null for as fast as they come. */
  blobBytesPerSecond: number | null;
  /** Bytes of blobs that were answered while a pace was set. */
  blobBytesSent: number;
}

/** A registry in front of a real one that counts requests and can fail, stall and dawdle. */
export async function startRegistryProxy(target: string): Promise<RegistryProxy> {
  const state: Pick<RegistryProxy, 'interfere' | 'blobBytesPerSecond' | 'blobBytesSent'> = {
    interfere: null,
    blobBytesPerSecond: null,
    blobBytesSent: 0,
  };

  const server = await startHttpServer((request, response) => {
    if (state.interfere?.(request, response)) return;

    const [hostname, port] = target.split(':');
    const { method, url: path, headers } = request;

    const forwarded = httpRequest({ hostname, port, method, path, headers }, (answer) => {
      // The client may be killed while it reads: then the registry's answer is cut off too, which
      // is no fault of ours.
      answer.on('error', () => response.destroy());
      response.writeHead(answer.statusCode ?? 502, answer.headers);

      const pace = state.blobBytesPerSecond;
      if (pace === null || method !== 'GET' || !path?.includes('/blobs/'))
        return answer.pipe(response);

      dawdle(answer, response, pace, (bytes) => {
        state.blobBytesSent += bytes;
      }).catch(() => response.destroy());
    });

    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    request.pipe(forwarded);
  });

  return Object.assign(state, server);
}

async function dawdle(
  from: IncomingMessage,
  to: ServerResponse,
  bytesPerSecond: number,
  sent: (n: number) => void,
) {
  let due = Date.now();
  for await (const chunk of from) {
    if (to.destroyed) return;

    to.write(chunk);
    sent(chunk.length);
    due += (chunk.length / bytesPerSecond) * 1000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now())));
  }

  to.end();
}

/**
 * The same services with a queue of their own behind every stage: nothing happens but what the test
 * does itself.
 */
export async function alone(services: Services): Promise<Services> {
  const name = `parked-${randomBytes(6).toString('hex')}`;
  const { QueueUrl = '' } = await services.aws.sqs.send(
    new CreateQueueCommand({ QueueName: name }),
  );
  const queueUrls = Object.fromEntries(queueNames.map((queue) => [queue, QueueUrl])) as Record<
    QueueName,
    string
  >;
  const allowedPrivateHosts = ['127.0.0.1', 'localhost'];

  return { ...services, settings: { ...services.settings, queueUrls, allowedPrivateHosts } };
}

/**
 * The same services with a table of their own, for tests that do all work themselves: the deployed
 * functions do not see it, and reading it as a whole takes no time.
 */
export async function withOwnTable(services: Services): Promise<Services> {
  const table = `own-${randomBytes(6).toString('hex')}`;
  await services.aws.dynamodb.send(createTable(table));
  return { ...services, db: { ...services.db, table } };
}

/** The same services some time later. */
export function hoursLater(services: Services, hours: number): Services {
  return { ...services, now: () => new Date(Date.now() + hours * 3600_000) };
}

/** The events of one type that an account's changes have left so far. */
export async function eventsOf(
  services: Services,
  account: string,
  type: EventType,
): Promise<GantryEvent[]> {
  return (await allEventsOf(services, account)).filter((event) => event.type === type);
}

/** An account's events of every type. The table is read as a whole: no index of it holds events. */
export async function allEventsOf(services: Services, account: string): Promise<GantryEvent[]> {
  const found: GantryEvent[] = [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const page = await services.db.client.send(
      new ScanCommand({
        TableName: services.db.table,
        FilterExpression: 'begins_with(pk, :events)',
        ExpressionAttributeValues: { ':events': `${account}#event#` },
        ConsistentRead: true,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      }),
    );

    found.push(...(page.Items ?? []).map((item) => eventSchema.parse(item)));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);

  return found;
}

/** Takes a module's repository off the schedule, so that only the test polls it. */
export async function offSchedule(
  services: Services,
  account: string,
  module: string,
): Promise<void> {
  const row = await getRepository(services.db, account, module);
  if (row !== null) await setRepository(services.db, row, { next_poll_at: never });
}

/** Polls, then takes what was found off the schedule; answers the candidate of a digest. */
export async function pollAlone(
  services: Services,
  account: string,
  module: string,
  digest: string,
) {
  await pollRepository(services, { account, module, recheck: true });
  const candidate = await getCandidate(services.db, account, versionId(account, module, digest));
  if (candidate === null) throw new Error(`expected ${digest} to be found`);

  if (candidate.state !== 'ingested') await claimCandidate(services, candidate, never);
  return candidate;
}

/**
 * Polls, verifies and ingests one digest, each stage once; answers how the candidate stands then.
 */
export async function walk(
  services: Services,
  account: string,
  module: string,
  digest: string,
): Promise<Candidate> {
  const { id } = await pollAlone(services, account, module, digest);
  const message = { account, module, version_id: id };

  await verifyCandidate(services, message);
  await ingestCandidate(services, message);

  const candidate = await getCandidate(services.db, account, id);
  if (candidate === null) throw new Error(`expected candidate ${id}`);

  return candidate;
}
