import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { addLogKeys, type LogKeys } from '../../base/log-context.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type {
  AgentReport,
  artifactUrlsAnswer,
  enrollAnswer,
  enrollBody,
  heartbeatAnswer,
  heartbeatRequest,
} from '../../contract/machines/index.ts';
import {
  driftOf,
  healthySince,
  type Instance,
  type InstanceReport,
  newChain,
} from '../../domain/machines/index.ts';
import { splitModule } from '../../domain/templates/index.ts';
import { getAccount } from '../../store/accounts/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import {
  createCredential,
  enrolInstance,
  getInstance,
  instanceEvent,
  putReport,
  updateInstance,
} from '../../store/machines/index.ts';
import { getVersion } from '../../store/modules/index.ts';
import { objectKeys, presignGet } from '../../store/objects.ts';
import { transact } from '../../store/table/index.ts';
import { pinnedRoot, requireAccount, rootUrlsAfter } from '../accounts/index.ts';
import { type CompositionRecord, readRecord } from '../compositions/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import type { ProvenKey } from './authenticate-agent.ts';

interface Machine {
  account: string;
  instance_id: string;
}

/**
 * Binds an agent's key to an instance; a join token works once. The returned credential works only
 * with that key (RFC 9449). Every wrong token gets the same error, so that no caller learns which
 * instances exist.
 */
export async function enrollAgent(
  services: Services,
  input: z.infer<typeof enrollBody>,
  { thumbprint, spend }: ProvenKey,
): Promise<z.infer<typeof enrollAnswer>> {
  const invalid = new GantryError(
    'join_token_invalid',
    'expected a join token of this instance that was not used yet',
  );
  const instance = await getInstance(services.db, input.account, input.instance);
  const account = await getAccount(services.db, input.account);
  if (instance === null || account === null || instance.join_secret_hash === null) throw invalid;

  const asked = Buffer.from(sha256Hex(input.secret), 'hex');
  if (!timingSafeEqual(asked, Buffer.from(instance.join_secret_hash, 'hex'))) throw invalid;

  const now = nowIso(services);
  if (instance.join_expires_at === null || instance.join_expires_at <= now) {
    throw new GantryError(
      'join_token_expired',
      `the join token expired at ${instance.join_expires_at}`,
    );
  }

  await spend();
  const credential = `gantry_agent_${randomBytes(32).toString('base64url')}`;
  const hash = sha256Hex(credential);
  const root = await pinnedRoot(services, account, input.root_sha256);
  if (root === null) throw invalid;

  await transact(services.db, [
    enrolInstance(
      instance,
      {
        key_thumbprint: thumbprint,
        sealing_key: input.sealing_key ?? null,
        credential_hash: hash,
      },
      now,
    ),
    createCredential({
      hash,
      account: account.slug,
      instance_id: instance.id,
      key_thumbprint: thumbprint,
      chain: newChain,
    }),
    instanceEvent(instance, { actor: `instance:${instance.id}`, at: now }, 'enrolled', {
      key_thumbprint: thumbprint,
    }),
  ]);

  return {
    credential,
    instance: instance.id,
    account: account.slug,
    root: Buffer.from(root).toString('base64'),
  };
}

async function requireMachine(
  services: Services,
  { account, instance_id }: Machine,
): Promise<Instance> {
  const instance = await getInstance(services.db, account, instance_id);
  if (instance?.state === 'enrolled') return instance;
  // An agent wipes its enrolment after this code, so a machine that only has to enrol again must
  // not get it.
  if (instance?.state === 'decommissioned') {
    throw new GantryError('instance_decommissioned', `instance ${instance_id} is decommissioned`);
  }

  throw new GantryError('unauthenticated', `instance ${instance_id} is no longer enrolled`);
}

/**
 * URLs, valid for an hour, of the desired state and of the roots that follow the one that the agent
 * trusts. A key that the agent made since its enrolment replaces the one before.
 */
export async function heartbeat(
  services: Services,
  machine: Machine,
  { root_version, sealing_key }: Omit<z.infer<typeof heartbeatRequest>, 'agent_version'>,
): Promise<z.infer<typeof heartbeatAnswer>> {
  const instance = await retryConflicts(() => keepSealingKey(services, machine, sealing_key));
  const account = await requireAccount(services, instance.account);
  const { objects } = services;
  const seconds = limits.presignedSeconds;

  return {
    desired_state_url: await presignGet(
      objects,
      objectKeys.desiredState(instance.account, instance.id),
      seconds,
    ),
    root_urls: await rootUrlsAfter(services, account, root_version),
    expires_at: later(services, seconds),
  };
}

async function keepSealingKey(
  services: Services,
  machine: Machine,
  sealing_key: string | undefined,
): Promise<Instance> {
  const instance = await requireMachine(services, machine);
  if (sealing_key === undefined || sealing_key === instance.sealing_key) return instance;

  const cause = { actor: `instance:${instance.id}`, at: nowIso(services) };
  await transact(services.db, [
    updateInstance(instance, { sealing_key }),
    instanceEvent(instance, cause, 'sealing_key_changed', { sealing_key }),
  ]);
  return instance;
}

/**
 * Returns presigned URLs of content that the instance's composition names. The names are
 * `sha256:<hex>` (manifests, indexes, layers), `file-index:<layer digest>`,
 * `stored-signatures:<digest>` and `composition:<digest>`. Other content is refused, even of the
 * same account.
 */
export async function artifactUrls(
  services: Services,
  machine: Machine,
  digests: string[],
): Promise<z.infer<typeof artifactUrlsAnswer>> {
  const instance = await requireMachine(services, machine);
  const keys = await keysOf(services, instance);
  const unknown = digests.find((digest) => !keys.has(digest));

  if (unknown !== undefined) {
    throw new GantryError(
      'forbidden',
      `expected content of this instance's desired state, found "${unknown}"`,
    );
  }

  const urls: Record<string, string> = {};
  for (const digest of digests) {
    urls[digest] = await presignGet(
      services.objects,
      keys.get(digest) ?? '',
      limits.presignedSeconds,
    );
  }

  return { urls };
}

/**
 * The objects that the instance may read: requested name → S3 key. They are those of its signed
 * desired state and of the present composition. The two differ briefly after every change, and for
 * longer while the next desired state cannot be made.
 */
async function keysOf(services: Services, instance: Instance): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  const pointer = await getComposition(
    services.db,
    instance.account,
    instance.template_id,
    instance.track,
  );

  for (const key of new Set([
    ...(pointer === null ? [] : [pointer.report_key]),
    ...instance.desired_report_keys,
  ])) {
    await addKeys(services, instance, await readRecord(services, key), keys);
  }

  return keys;
}

async function addKeys(
  services: Services,
  instance: Instance,
  record: CompositionRecord,
  keys: Map<string, string>,
): Promise<void> {
  keys.set(`composition:${record.composition_digest}`, record.image.key);
  for (const layer of record.layers) {
    const { account } = splitModule(`${layer.account}/${layer.module}`, instance.account);
    for (const digest of [layer.digest, layer.manifest_digest, layer.layer_digest]) {
      keys.set(digest, objectKeys.artifact(account, digest));
    }

    const version = await getVersion(services.db, account, layer.version_id);
    if (version === null) continue;

    keys.set(`stored-signatures:${layer.digest}`, version.stored_signatures_key);
    const build = version.builds.find(({ layer_digest }) => layer_digest === layer.layer_digest);
    if (build !== undefined) keys.set(`file-index:${layer.layer_digest}`, build.file_index_key);
  }
}

/**
 * Stores a machine's report of the modules that it runs. Drift that begins with this report causes
 * one event.
 */
export async function reportInstance(
  services: Services,
  machine: Machine,
  report: AgentReport,
): Promise<void> {
  const instance = await requireMachine(services, machine);
  addLogKeys(factsOf(instance, report));

  const at = nowIso(services);
  const healthy_since = healthySince(instance.report, { ...report, at });
  const kept: InstanceReport = { ...report, at, healthy_since };
  const before = driftOf(instance, services.now());
  // As it stood then: a machine that becomes overdue between two reports drifts with the second.
  const last = instance.report === null ? before : driftOf(instance, new Date(instance.report.at));
  const after = driftOf({ ...instance, report: kept }, services.now());
  const changed =
    JSON.stringify(instance.report?.running_module_digests) !==
    JSON.stringify(kept.running_module_digests);

  const cause = { actor: `instance:${instance.id}`, at };

  await transact(services.db, [
    putReport(instance, kept),
    ...(changed || before.reason !== after.reason
      ? [instanceEvent(instance, cause, 'reported', { status: report.status, code: report.code })]
      : []),
    ...(after.drift && last.reason !== after.reason
      ? [instanceEvent(instance, cause, 'drifted', { reason: after.reason, code: report.code })]
      : []),
  ]);
}

/**
 * Returns the facts of a report for the log, with the correlation id of the desired state that the
 * machine acted on, if it is the last one.
 */
function factsOf(instance: Instance, report: AgentReport): LogKeys {
  const { desired_state_version, status, code } = report;
  const isLast = desired_state_version === instance.desired_version;

  return {
    instance_id: instance.id,
    desired_state_version,
    report_status: status,
    ...(code === null ? {} : { report_code: code }),
    ...(isLast ? { desired_correlation_id: instance.desired_correlation_id } : {}),
  };
}
