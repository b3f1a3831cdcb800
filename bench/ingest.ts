/**
 * Taking in a layer of two gibibytes: from a real registry on this machine through all checks to
 * the local cloud's S3, in a process of its own, whose memory and speed it measures. The local
 * cloud, a Python program, bounds the speed.
 *
 *     npm run bench ingest
 *     npm run bench ingest=256      # MiB
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import {
  type DockerRegistry,
  dockerRegistryProgram,
  startDockerRegistry,
} from '../scripts/docker-registry.ts';
import { cloudEnvironment, startLocalCloud } from '../scripts/local-cloud.ts';
import { choosePort } from '../scripts/ports.ts';
import { servicesFromEnvironment } from '../shared/actions/context/index.ts';
import { storeLayer } from '../shared/actions/ingest/index.ts';
import { verifyModuleTar, writeModuleTar } from '../shared/artifact/index.ts';
import { fsVerityDigest } from '../shared/composefs/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';
import { type Descriptor, mediaTypes, RegistryClient } from '../shared/registry/index.ts';
import { objectKeys } from '../shared/store/objects.ts';
import { isInstalled, measureNode } from './measure.ts';

export const name = 'ingest';

const defaultMiB = '2048';
/** 300 MB, because the memory of an ingest must not depend on the size of its layer. */
const rssMiBMax = 286;
const fileBytes = 16 * 1024 ** 2;
const bucket = 'bench-ingest';
const repository = 'bench/large';
const self = fileURLToPath(import.meta.url);

export async function run(size = defaultMiB): Promise<void> {
  const files = Math.ceil((Number(size) * 1024 ** 2) / fileBytes);
  if (!Number.isSafeInteger(files) || files < 1)
    throw new Error(`expected a number of MiB, found ${size}`);
  if (!isInstalled(dockerRegistryProgram)) {
    process.stdout.write(`  ${dockerRegistryProgram} is not present\n`);
    return;
  }

  const directory = await mkdtemp(join(tmpdir(), 'gantry-bench-ingest-'));
  const cloud = await startLocalCloud(
    directory,
    await choosePort({ variable: 'GANTRY_BENCH_PORT', kept: undefined }),
  );
  const registry = await startDockerRegistry();

  try {
    const names = { DEPLOYMENT_NAME: 'bench', BUCKET_NAME: bucket, TABLE_NAME: 'none' };
    Object.assign(process.env, cloudEnvironment(cloud.endpoint), names);
    await servicesFromEnvironment().aws.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await measure(registry, await pushLarge(registry, files));
  } finally {
    await registry.stop();
    await cloud.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(registry: DockerRegistry, layer: Descriptor): Promise<void> {
  const cost = measureNode(process.execPath, [self, registry.host, JSON.stringify(layer)]);
  const { s3 } = servicesFromEnvironment().aws;
  const stored = await s3.send(
    new HeadObjectCommand({ Bucket: bucket, Key: objectKeys.artifact('bench', layer.digest) }),
  );
  if (stored.ContentLength !== layer.size) {
    throw new Error(`expected ${layer.size} bytes to be stored, found ${stored.ContentLength}`);
  }

  const rssMiB = Math.round(cost.rssMiB ?? 0);
  const { seconds } = JSON.parse(cost.stdout);

  console.table([
    {
      'layer MiB': Math.round(layer.size / 1024 ** 2),
      seconds: Number(seconds.toFixed(1)),
      'CPU s': Number(((cost.userMs ?? 0) / 1000).toFixed(1)),
      'MB/s': Math.round(layer.size / 1e6 / seconds),
      'peak RSS MiB': rssMiB,
    },
  ]);

  if (rssMiB > rssMiBMax)
    throw new Error(`expected at most ${rssMiBMax} MiB of memory, found ${rssMiB}`);
}

/**
 * A module of so many files of the same random content, pushed as it is written; its layer's
 * descriptor.
 */
async function pushLarge(registry: DockerRegistry, files: number): Promise<Descriptor> {
  const content = randomBytes(fileBytes);
  const attributes = { uid: 0, gid: 0, mtime: 0, mtime_ns: 0 };
  const root: TreeEntry = { path: '/', type: 'directory', mode: 0o755, size: 0, ...attributes };
  const verity = fsVerityDigest(content);

  const entries = Array.from({ length: files }, (_, index): TreeEntry => {
    return {
      path: `/file-${index}`,
      type: 'file',
      mode: 0o644,
      size: fileBytes,
      verity,
      ...attributes,
    };
  });

  const manifestJson = JSON.stringify({ schema_version: 1, name: 'large', file_spec: ['/**'] });
  const tar = () =>
    writeModuleTar({ manifestJson, mtime: 0, entries: [root, ...entries], open: () => content });
  const hash = createHash('sha256');
  let size = 0;

  for await (const chunk of tar()) {
    hash.update(chunk);
    size += chunk.length;
  }

  const layer = { mediaType: mediaTypes.empty, digest: `sha256:${hash.digest('hex')}`, size };
  await new RegistryClient({ host: registry.host }).pushBlob(repository, layer, tar);
  return layer;
}

/** The whole work of the process that is measured. */
async function take(host: string, layer: Descriptor): Promise<void> {
  const services = servicesFromEnvironment();
  const started = performance.now();
  const module = { account: 'bench', allow_devices: false };
  const { tar } = await storeLayer(
    { services, module, client: new RegistryClient({ host }), repository },
    layer,
  );

  verifyModuleTar(tar);
  process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
}

if (process.argv[1] === self)
  await take(process.argv[2] as string, JSON.parse(process.argv[3] as string));
