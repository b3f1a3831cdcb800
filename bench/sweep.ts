/**
 * The cost of polling a thousand repositories of a registry on this machine: requests to the
 * registry, and seconds with as many workers as the stack runs concurrently. The table is in the
 * local cloud and takes most of the time.
 */
import { subscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import {
  type DockerRegistry,
  dockerRegistryProgram,
  startDockerRegistry,
} from '../scripts/docker-registry.ts';
import { cloudEnvironment, startLocalCloud } from '../scripts/local-cloud.ts';
import { choosePort } from '../scripts/ports.ts';
import { createTable } from '../scripts/table.ts';
import type { Services } from '../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../shared/actions/context/index.ts';
import { pollRepository } from '../shared/actions/poll/index.ts';
import { mapConcurrently } from '../shared/base/concurrency.ts';
import { emptyBlob, mediaTypes, RegistryClient } from '../shared/registry/index.ts';
import { createRepository } from '../shared/store/poll/index.ts';
import { transact } from '../shared/store/table/index.ts';
import { isInstalled } from './measure.ts';

export const name = 'sweep';

const total = 1000;
/** As in infra/stack.ts. */
const workers = 20;
const modules = Array.from({ length: total }, (_, index) => `m${index}`);

export async function run(): Promise<void> {
  if (!isInstalled(dockerRegistryProgram)) {
    process.stdout.write(`  ${dockerRegistryProgram} is not present\n`);
    return;
  }

  const directory = await mkdtemp(join(tmpdir(), 'gantry-bench-sweep-'));
  const cloud = await startLocalCloud(
    directory,
    await choosePort({ variable: 'GANTRY_BENCH_PORT', kept: undefined }),
  );
  const registry = await startDockerRegistry();

  try {
    Object.assign(process.env, cloudEnvironment(cloud.endpoint));
    await measure(await preparedServices(), registry);
  } finally {
    await registry.stop();
    await cloud.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(services: Services, registry: DockerRegistry): Promise<void> {
  let requests = 0;
  subscribe('undici:request:create', (message) => {
    if ((message as { request: { origin: string } }).request.origin === registry.url) requests += 1;
  });
  await push(registry, 'v1.0.0');

  const at = new Date().toISOString();
  await mapConcurrently(modules, 8, async (module) => {
    const repository = `${registry.host}/bench/${module}`;
    const fixed = {
      tags_hash: null,
      polled_at: null,
      succeeded_at: null,
      failures: 0,
      code: null,
      message: null,
      ignored_tags: [],
    };

    const row = {
      account: 'bench',
      module,
      repository,
      ...fixed,
      next_poll_at: at,
      recheck_at: at,
    };

    await transact(services.db, [createRepository(row)]);
  });

  const sweep = async (what: string, requestsMax: number) => {
    requests = 0;
    const started = performance.now();

    await mapConcurrently(modules, workers, (module) =>
      pollRepository(services, { account: 'bench', module }),
    );

    const seconds = (performance.now() - started) / 1000;
    const cells = [
      what.padEnd(10),
      `${requests} requests`.padStart(15),
      `${seconds.toFixed(1)} s`.padStart(8),
    ];

    process.stdout.write(`  ${total} ${cells.join('')}\n`);
    if (requests > requestsMax)
      throw new Error(`expected at most ${requestsMax} requests, found ${requests}`);
  };

  await sweep('new', 2 * total);
  await sweep('unchanged', total);
  await push(registry, 'v2.0.0');
  await sweep('changed', 2 * total);
}

/** Another manifest in every repository, under a tag. */
async function push(registry: DockerRegistry, tag: string): Promise<void> {
  const client = new RegistryClient({ host: registry.host });
  const config = { mediaType: mediaTypes.empty, digest: emptyBlob.digest, size: emptyBlob.size };

  await mapConcurrently(modules, 8, async (module) => {
    const annotations = { tag, module };
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config,
      layers: [config],
      annotations,
    };

    await client.pushBlob(`bench/${module}`, emptyBlob, emptyBlob.bytes);
    const bytes = Buffer.from(JSON.stringify(manifest));

    await client.putManifest(`bench/${module}`, tag, { bytes, mediaType: mediaTypes.manifest });
  });
}

/** Services on a table of their own, with queues that nobody reads. */
async function preparedServices(): Promise<Services> {
  const table = `bench-${process.pid}`;
  Object.assign(process.env, {
    DEPLOYMENT_NAME: 'bench',
    TABLE_NAME: table,
    BUCKET_NAME: 'none',
    ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
  });

  const services = servicesFromEnvironment();
  await services.aws.dynamodb.send(createTable(table));

  const { QueueUrl = '' } = await services.aws.sqs.send(
    new CreateQueueCommand({ QueueName: table }),
  );
  const queueUrls = Object.fromEntries(
    Object.keys(services.settings.queueUrls).map((stage) => [stage, QueueUrl]),
  );

  return {
    ...services,
    settings: { ...services.settings, queueUrls: queueUrls as Services['settings']['queueUrls'] },
  };
}
