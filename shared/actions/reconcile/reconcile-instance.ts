import { GantryError, isGantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { limits } from '../../base/limits/index.ts';
import { addLogKeys } from '../../base/log-context.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { renderInstanceFiles } from '../../composition/index.ts';
import type { ReconcileMessage } from '../../contract/messages.ts';
import {
  type DesiredPolicy,
  type DesiredState,
  type RenderedFile,
  readGeneratedFormat,
} from '../../contract/reconcile/index.ts';
import { contentHash } from '../../director/index.ts';
import type { DesiredError, Instance } from '../../domain/machines/index.ts';
import { needsPublicRoot } from '../../domain/modules/index.ts';
import { moduleLabel } from '../../domain/templates/index.ts';
import { getAccount } from '../../store/accounts/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import {
  desiredStateEvent,
  dueResigns,
  getInstance,
  noteDesiredError,
  removeResign,
} from '../../store/machines/index.ts';
import { getModule, getVersion } from '../../store/modules/index.ts';
import { transact } from '../../store/table/index.ts';
import { type CompositionRecord, readInstanceFiles, readRecord } from '../compositions/index.ts';
import { enqueue, faultOf, nowIso, type Services } from '../context/index.ts';
import { publicTrustRoot } from '../signatures/index.ts';
import {
  type Content,
  type DesiredFacts,
  isDue,
  signDesiredState,
  signHeld,
} from './sign-desired-state.ts';

/** Errors that only people can fix: a retry would fail again. */
const lasting: readonly ErrorCode[] = [
  'instance_metadata_missing',
  'instance_entry_unsupported',
  'composition_too_large',
  'version_quarantined',
];

/**
 * How reconciling ended. `held` means that no new desired state can be made, so the present one
 * stays.
 */
export type ReconcileOutcome = 'signed' | 'unchanged' | 'held' | 'skipped';

/**
 * Makes and signs the desired state of one instance. Unchanged content is signed again only after
 * half of its life. The version is claimed first and confirmed after the bytes are in place: a
 * worker that dies in between leaves no hash, so the next one signs again. One of two concurrent
 * workers gets `conflict` and retries. If no desired state can be made, the instance stores the
 * reason and keeps its present one, which is still renewed in time.
 */
export async function reconcileInstance(
  services: Services,
  message: ReconcileMessage,
): Promise<ReconcileOutcome> {
  try {
    return await retryConflicts(() => reconcile(services, message));
  } catch (error) {
    if (!isGantryError(error, 'conflict')) await noteFault(services, message, error);
    throw error;
  }
}

/** A fault is delivered again, and until it is over, the machine shows why it gets nothing new. */
async function noteFault(
  services: Services,
  { account, instance_id }: ReconcileMessage,
  error: unknown,
): Promise<void> {
  try {
    const instance = await getInstance(services.db, account, instance_id);
    if (instance === null || instance.state === 'decommissioned') return;
    await note(services, instance, faultOf(error, 'reconcile'));
  } catch {
    // The caller throws the fault itself, and the next delivery notes it.
  }
}

async function reconcile(services: Services, message: ReconcileMessage): Promise<ReconcileOutcome> {
  const { account: slug, instance_id } = message;
  const instance = await getInstance(services.db, slug, instance_id);
  if (instance === null || instance.state === 'decommissioned') {
    await transact(services.db, [removeResign(slug, instance_id)]);
    return 'skipped';
  }

  // Read the account after the instance: a worker that signed with a newer key has raised the
  // version, so the claim below fails.
  const account = await getAccount(services.db, slug);
  const pointer = await getComposition(services.db, slug, instance.template_id, instance.track);
  if (account === null || pointer === null) return 'skipped';

  const record = await readRecord(services, pointer.report_key);
  let content: Content;
  try {
    await refuseQuarantined(services, instance, record);
    content = { custom: await desiredStateOf(services, instance, record), image: record.image };
  } catch (error) {
    if (!isGantryError(error, ...lasting)) throw error;

    const { code, message } = error;
    const desired_error = await note(services, instance, { code, message });
    // The desired state in place must not expire meanwhile.
    if (isDue(services, instance, account))
      await signHeld(services, { ...instance, desired_error }, account);
    addLogKeys({ code: error.code });

    return 'held';
  }

  if (instance.desired_hash === contentHash(content) && !isDue(services, instance, account)) {
    await note(services, instance, null);
    return 'unchanged';
  }

  const facts: DesiredFacts = {
    desired_composition: pointer.digest,
    desired_modules: Object.fromEntries(
      record.layers.map((layer) => [
        moduleLabel(instance.account, layer.account, layer.module),
        layer.composefs_digest,
      ]),
    ),
    desired_report_keys: [pointer.report_key],
    desired_error: null,
  };
  await signDesiredState(services, instance, account, { content, facts });

  return 'signed';
}

/**
 * Stores why there is no new desired state, and since when. The event is written once, when the
 * reason changes.
 */
async function note(
  services: Services,
  instance: Instance,
  fault: Omit<DesiredError, 'since'> | null,
): Promise<DesiredError | null> {
  const was = instance.desired_error;
  if (was?.code === fault?.code && was?.message === fault?.message) return was;

  const at = nowIso(services);
  const since = was !== null && was.code === fault?.code ? was.since : at;
  const error = fault && { ...fault, since };
  const writes = [noteDesiredError(instance, error)];
  if (fault !== null) {
    writes.push(
      desiredStateEvent(instance, { actor: 'gantry:reconcile', at }, 'failed', { ...fault }),
    );
  }

  await transact(services.db, writes);
  return error;
}

/** Sends the instances whose desired state has reached half of its life to reconcile. */
export async function scheduleResigns(services: Services): Promise<number> {
  const due = await dueResigns(services.db, nowIso(services), limits.pollsPerRun);
  await enqueue(
    services,
    'reconcile',
    due.map(({ account, instance_id }) => ({ account, instance_id })),
  );

  return due.length;
}

async function desiredStateOf(
  services: Services,
  instance: Instance,
  record: CompositionRecord,
): Promise<DesiredState> {
  const metadata = { instance: instance.metadata, modules: record.metadata };
  return {
    account: instance.account,
    instance: instance.id,
    template: instance.template_id,
    track: instance.track,
    composition_digest: record.composition_digest,
    generated_format: readGeneratedFormat(record),
    layers: record.layers,
    ...(await policies(services, record)),
    rendered_files: await rendered(services, instance, record),
    metadata,
    jobs: [],
    approvals: await approvalsOf(services, record),
  };
}

/**
 * The present trust policies of the modules, with which the agent verifies the layers, and the
 * trust root for them.
 */
async function policies(
  services: Services,
  record: CompositionRecord,
): Promise<Pick<DesiredState, 'signature_policies' | 'public_trusted_root'>> {
  const signature_policies: DesiredPolicy[] = [];
  let needsRoot = false;

  for (const layer of record.layers) {
    const module = await getModule(services.db, layer.account, layer.module);
    if (module === null) continue;

    needsRoot ||= needsPublicRoot(module);
    signature_policies.push({
      module: `${layer.account}/${layer.module}`,
      identities: module.identities,
      keys: module.trusted_keys,
      require_tlog: module.require_tlog,
      attestations: module.required_attestations,
      trusted_root: module.trusted_root,
    });
  }

  const trust = needsRoot ? await publicTrustRoot(services) : null;
  if (trust === null || trust.fresh_until === null) return { signature_policies };

  return { signature_policies, public_trusted_root: trust.root };
}

async function rendered(
  services: Services,
  instance: Instance,
  record: CompositionRecord,
): Promise<RenderedFile[]> {
  const contents = await readInstanceFiles(services, record.instance_files);
  return renderInstanceFiles(record.instance_files, contents, instance.metadata);
}

/**
 * A machine does not get a quarantined version. If it already has the version, it keeps its desired
 * state: with the trust policies of a newer one, its agent would refuse that one.
 * @throws GantryError `version_quarantined`
 */
async function refuseQuarantined(
  services: Services,
  instance: Instance,
  record: CompositionRecord,
): Promise<void> {
  for (const layer of record.layers) {
    const label = moduleLabel(instance.account, layer.account, layer.module);
    const version = await getVersion(services.db, layer.account, layer.version_id);
    if (version?.quarantined !== true) continue;

    throw new GantryError(
      'version_quarantined',
      `expected versions that machines may get, found ${label} ${version.version_string}, which is quarantined; the machine keeps what it has`,
      { found: version.id },
    );
  }
}

/** Who approved the versions of the desired state, and when. */
async function approvalsOf(
  services: Services,
  record: CompositionRecord,
): Promise<DesiredState['approvals']> {
  const versions = await Promise.all(
    record.layers.map(({ account, version_id }) => getVersion(services.db, account, version_id)),
  );
  return versions.flatMap((version) => {
    if (version === null) return [];
    const of = { module: `${version.account}/${version.module}`, version: version.version_string };
    return version.approvals.map((approval) => ({ ...of, ...approval }));
  });
}
