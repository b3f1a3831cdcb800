/**
 * A soak of the whole way from push to version: so many signed tags are pushed into one repository
 * of a real registry, as fast as it takes them, while a deployed stack polls it. Ends when there
 * are as many versions as tags; a duplicate, a rejection or a dead letter is a failure. Then a few
 * pushes one by one, each followed by what a webhook does.
 *
 *     npm run bench soak            # 10,000 tags
 *     npm run bench soak=1000
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { artifactManifest } from '../cli/push/artifact-manifest.ts';
import { environmentOf } from '../scripts/admin-token.ts';
import {
  type DockerRegistry,
  dockerRegistryProgram,
  startDockerRegistry,
} from '../scripts/docker-registry.ts';
import { cloudEnvironment } from '../scripts/local-cloud.ts';
import { startLocalStack } from '../scripts/local-stack.ts';
import { createAccount } from '../shared/actions/accounts/index.ts';
import type { Services } from '../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../shared/actions/context/index.ts';
import { askForPoll, registerModule } from '../shared/actions/modules/index.ts';
import { writeModuleTar } from '../shared/artifact/index.ts';
import { mapConcurrently } from '../shared/base/concurrency.ts';
import { sha256Hex, versionId } from '../shared/base/ids.ts';
import { attachBundle, emptyBlob, mediaTypes, RegistryClient } from '../shared/registry/index.ts';
import { readCosignKey, signArtifact } from '../shared/signature/index.ts';
import { eachCandidate } from '../shared/store/candidates/index.ts';
import { eachVersion, getVersion } from '../shared/store/modules/index.ts';
import { isInstalled } from './measure.ts';

export const name = 'soak';
/** Runs only when it is named: it takes some minutes for each thousand tags. */
export const onRequest = true;

const account = 'soak';
const module = 'soaked';
const repository = `${account}/${module}`;
const root = {
  path: '/',
  type: 'directory' as const,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtime_ns: 0,
  size: 0,
};
const pushesAtOnce = 8;
const singlePushes = 20;
/** The soak fails after this time without a new version. */
const stillMs = 300_000;

export async function run(size = '10000'): Promise<void> {
  const tags = Number(size);
  if (!Number.isSafeInteger(tags) || tags < 1)
    throw new Error(`expected a number of tags, found ${size}`);
  if (!isInstalled(dockerRegistryProgram)) {
    process.stdout.write(`  ${dockerRegistryProgram} is not present\n`);
    return;
  }

  const directory = await mkdtemp(join(tmpdir(), 'gantry-bench-soak-'));
  const portVariables = { cloud: 'GANTRY_BENCH_CLOUD_PORT', site: 'GANTRY_BENCH_PORT' };
  const stack = await startLocalStack({ directory, portVariables, progress: say });
  const registry = await startDockerRegistry();

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint), environmentOf(stack.outputs));
    process.env.ALLOWED_PRIVATE_HOSTS = '127.0.0.1';
    await soak(servicesFromEnvironment(), registry, tags);
  } finally {
    await registry.stop();
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function soak(services: Services, registry: DockerRegistry, tags: number): Promise<void> {
  const author = await registered(services, registry);
  // Push this blob before the first of many concurrent pushes, because a registry may say that it
  // has a blob whose push has not finished.
  await new RegistryClient({ host: registry.host }).pushBlob(
    repository,
    emptyBlob,
    emptyBlob.bytes,
  );

  const started = Date.now();
  const pushedAt = new Map<string, number>();

  const pushing = mapConcurrently(
    Array.from({ length: tags }, (_, i) => `1.0.${i}`),
    pushesAtOnce,
    async (version) => {
      await push(registry, author, version);
      pushedAt.set(version, Date.now());
    },
  ).then(() => say(`${tags} tags pushed in ${seconds(Date.now() - started)}`));

  await Promise.all([pushing, untilBuilt(services, tags)]);
  say(`${tags} versions ${seconds(Date.now() - started)} after the first push`);

  const lags = await lagsOf(services, pushedAt);
  say(`push → built, all concurrently: ${quantiles(lags)}`);
  say(`push → built, one by one: ${quantiles(await pushSingly(services, registry, author))}`);
  await expectNoDeadLetters(services);
}

/** Creates an account with the module, and returns the key that signs. */
async function registered(services: Services, registry: DockerRegistry) {
  await createAccount(services, { slug: account, name: account });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  const caller = {
    account,
    actor: 'token:bench',
    roles: ['admin' as const],
    member_id: null,
    person: 'deployment',
    signed_in_by: null,
    platform: false,
  };

  await registerModule(services, caller, {
    name: module,
    category: 'userland',
    repository: `${registry.host}/${repository}`,
    trusted_keys: [publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    require_tlog: false,
  });

  return readCosignKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), '');
}

/**
 * Pushes and signs a module with an empty directory, which differs for each version. Returns its
 * digest.
 */
async function push(
  registry: DockerRegistry,
  key: ReturnType<typeof readCosignKey>,
  version: string,
): Promise<string> {
  const client = new RegistryClient({ host: registry.host });
  const chunks: Buffer[] = [];

  const manifestJson = JSON.stringify({
    schema_version: 1,
    name: module,
    file_spec: ['/**'],
    description: version,
  });

  const tar = writeModuleTar({
    manifestJson,
    mtime: 0,
    entries: [root],
    open: () => Buffer.alloc(0),
  });

  for await (const chunk of tar) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const layer = { digest: `sha256:${sha256Hex(bytes)}`, size: bytes.length };

  await client.pushBlob(repository, layer, bytes);
  const manifest = Buffer.from(JSON.stringify(artifactManifest(layer, 'module.tar', 0)));
  const subject = { bytes: manifest, mediaType: mediaTypes.manifest, size: manifest.length };
  const { digest } = await client.putManifest(repository, `v${version}`, subject);
  const bundle = signArtifact({ digest, key });

  await attachBundle(client, {
    repository,
    subject: { ...subject, digest },
    bundle,
    createdAt: new Date(),
  });

  return digest;
}

async function untilBuilt(services: Services, tags: number): Promise<void> {
  let built = 0;
  // Counting reads all rows, so count rarely.
  const lookMs = Math.max(2000, tags * 5);

  for (let changed = Date.now(); built < tags; ) {
    await sleep(lookMs);
    const now = await countVersions(services);
    if (now > built) changed = Date.now();
    built = now;
    if (Date.now() - changed > stillMs)
      throw new Error(`expected ${tags} versions, found ${built}`);
  }

  if (built > tags) throw new Error(`expected ${tags} versions, found ${built}`);
}

async function countVersions(services: Services): Promise<number> {
  const seen = new Set<string>();
  for await (const { digest, version_string } of eachVersion(services.db, account, module)) {
    if (seen.has(digest) || seen.has(version_string))
      throw new Error(`found ${version_string} twice`);
    seen.add(digest).add(version_string);
  }

  return seen.size / 2;
}

/** Milliseconds from the push of each tag to its version. */
async function lagsOf(
  services: Services,
  pushedAt: ReadonlyMap<string, number>,
): Promise<number[]> {
  for await (const { state, code, tags } of eachCandidate(services.db, account, module)) {
    if (state !== 'ingested')
      throw new Error(`expected ${tags} to be a version, found ${state} (${code})`);
  }

  const lags: number[] = [];
  for await (const { version_string, ingested_at } of eachVersion(services.db, account, module)) {
    const pushed = pushedAt.get(version_string);
    if (pushed !== undefined) lags.push(Date.parse(ingested_at) - pushed);
  }

  return lags;
}

async function pushSingly(
  services: Services,
  registry: DockerRegistry,
  key: ReturnType<typeof readCosignKey>,
) {
  const lags: number[] = [];
  for (let i = 0; i < singlePushes; i++) {
    const id = versionId(account, module, await push(registry, key, `2.0.${i}`));
    const pushed = Date.now();

    await askForPoll(services, account, module);
    while ((await getVersion(services.db, account, id)) === null) {
      if (Date.now() - pushed > stillMs)
        throw new Error(`expected a version of 2.0.${i}, found none`);
      await sleep(100);
    }

    lags.push(Date.now() - pushed);
  }

  return lags;
}

async function expectNoDeadLetters({ aws: { sqs } }: Services): Promise<void> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  const letters = QueueUrls.filter((url) => url.includes('DeadLetters'));
  if (letters.length === 0) throw new Error('expected dead-letter queues, found none');

  for (const QueueUrl of letters) {
    const command = new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    const { Attributes } = await sqs.send(command);
    const found = Attributes?.ApproximateNumberOfMessages;
    if (found !== '0') throw new Error(`expected no dead letters, found ${found} in ${QueueUrl}`);
  }

  say(`no dead letter in ${letters.length} queues, no duplicate, no rejection`);
}

function quantiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    seconds(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, most ${at(1)}`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const say = (line: string) => void process.stdout.write(`  ${line}\n`);
