import { isDeepStrictEqual } from 'node:util';
import { renderInstanceFiles } from '../composition/index.ts';
import type { DesiredPolicy, DesiredState, RenderedFile } from '../contract/desired-state.ts';
import type { ErrorCode } from '../contract/error-codes.ts';
import { sha256Hex } from '../contract/ids.ts';
import type { ReconcileMessage } from '../contract/messages.ts';
import { makeDesiredState } from '../director/index.ts';
import { type DesiredError, type Instance, moduleLabel } from '../domain/template.ts';
import { isGantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { getAccount } from '../store/account.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { dueResigns, getInstance, noteDesiredError, putResign, signedInstance } from '../store/instance.ts';
import { getModule } from '../store/module.ts';
import { etagOf, objectKeys, putLatest } from '../store/objects.ts';
import { getComposition, type TemplateComposition } from '../store/template.ts';
import { getVersion } from '../store/version.ts';
import { type CompositionRecord, readRecord } from './compose-template.ts';
import { signAsDirector } from './director.ts';
import { readInstanceFiles } from './instance-files.ts';
import { retryConflicts } from './retry-conflicts.ts';
import { enqueue, later, nowIso, type Services } from './services.ts';

/** What only people can put right: trying again would not. */
const lasting: readonly ErrorCode[] = ['instance_metadata_missing', 'instance_entry_unsupported'];

/**
 * Makes and signs what one instance is to be. Unchanged content is not signed again before half of its life. The
 * version is claimed first and confirmed after the bytes are in place: a worker that dies in between leaves no hash, so
 * the next one signs anew. Of two at once one is told `conflict` and looks again. Why a desired state cannot be made is
 * kept on the instance, which keeps the one before.
 */
export async function reconcileInstance(services: Services, message: ReconcileMessage): Promise<void> {
  return retryConflicts(() => reconcile(services, message));
}

async function reconcile(services: Services, message: ReconcileMessage): Promise<void> {
  const { account, instance_id } = message;
  const instance = await getInstance(services.db, account, instance_id);
  if (instance === null || instance.state === 'decommissioned') return;
  const pointer = await getComposition(services.db, account, instance.template_id, instance.track);
  if (pointer === null) return;
  const record = await readRecord(services, pointer.report_key);
  let custom: DesiredState;
  try {
    custom = await desiredStateOf(services, instance, record);
  } catch (error) {
    if (!isGantryError(error, ...lasting)) throw error;
    return note(services, instance, { code: error.code, message: error.message });
  }
  const desired_hash = sha256Hex(JSON.stringify([custom, record.image]));
  if (instance.desired_hash === desired_hash && !halfExpired(services, instance)) return note(services, instance, null);
  await sign(services, instance, pointer, record, custom, desired_hash);
}

/** Keeps why there is no new desired state, and tells it once. */
async function note(services: Services, instance: Instance, error: DesiredError | null): Promise<void> {
  if (isDeepStrictEqual(instance.desired_error, error)) return;
  const writes = [noteDesiredError(instance, error)];
  if (error !== null) {
    writes.push(
      createEvent({
        type: 'gantry.desired_state.failed',
        account: instance.account,
        subject: `instance/${instance.id}`,
        actor: 'gantry:reconcile',
        at: nowIso(services),
        data: { ...error },
      }),
    );
  }
  await transact(services.db, writes);
}

/** Hands out the instances whose desired state has reached half of its life. */
export async function scheduleResigns(services: Services): Promise<number> {
  const due = await dueResigns(services.db, nowIso(services), limits.pollsPerRun);
  await enqueue(
    services,
    'reconcile',
    due.map(({ account, instance_id }) => ({ account, instance_id })),
  );
  return due.length;
}

function halfExpired(services: Services, instance: Instance): boolean {
  const half = (limits.desiredStateDays * 24 * 3600 * 1000) / 2;
  return services.now().getTime() >= Date.parse(instance.desired_signed_at ?? '1970-01-01T00:00:00Z') + half;
}

async function sign(
  services: Services,
  instance: Instance,
  pointer: TemplateComposition,
  record: CompositionRecord,
  custom: DesiredState,
  desired_hash: string,
): Promise<void> {
  const account = await getAccount(services.db, instance.account);
  if (account === null) return;
  const key = objectKeys.desiredState(instance.account, instance.id);
  // Read before the version is claimed: whoever puts bytes in place after this has claimed a version before or loses.
  const inPlace = await etagOf(services.objects, key);
  const signed_at = nowIso(services);
  const lifeSeconds = limits.desiredStateDays * 24 * 3600;
  const set = {
    desired_version: instance.desired_version + 1,
    desired_hash: null,
    desired_composition: pointer.digest,
    desired_modules: Object.fromEntries(
      record.layers.map((layer) => [
        moduleLabel(instance.account, layer.account, layer.module),
        layer.composefs_digest,
      ]),
    ),
    desired_signed_at: signed_at,
    desired_expires_at: later(services, lifeSeconds),
    // What is in place stays named until other bytes are there: what an agent may still fetch is not collected.
    desired_report_keys: [...new Set([...instance.desired_report_keys, pointer.report_key])],
    desired_error: null,
  };
  await transact(services.db, [signedInstance(instance, set)]);
  const metadata = makeDesiredState({
    custom,
    image: { length: record.image.length, sha256: record.image.sha256 },
    version: set.desired_version,
    expires: new Date(set.desired_expires_at),
  });
  const bytes = await signAsDirector(services, account.director_key_id, metadata);
  await putLatest(services.objects, key, bytes, 'application/json', inPlace);
  await transact(services.db, [
    signedInstance({ ...instance, ...set }, { ...set, desired_hash, desired_report_keys: [pointer.report_key] }),
    putResign(instance.account, instance.id, later(services, lifeSeconds / 2)),
    createEvent({
      type: 'gantry.desired_state.signed',
      account: instance.account,
      subject: `instance/${instance.id}`,
      actor: 'gantry:reconcile',
      at: signed_at,
      data: { version: set.desired_version, composition_digest: pointer.digest },
    }),
  ]);
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
    layers: record.layers,
    signature_policies: await policies(services, record),
    rendered_files: await rendered(services, instance, record),
    metadata,
    jobs: [],
    approvals: await approvalsOf(services, record),
  };
}

/** The policies by which the agent judges the layers itself, as the modules' rows state them now. */
async function policies(services: Services, record: CompositionRecord): Promise<DesiredPolicy[]> {
  const all: DesiredPolicy[] = [];
  for (const layer of record.layers) {
    const module = await getModule(services.db, layer.account, layer.module);
    if (module === null) continue;
    all.push({
      module: `${layer.account}/${layer.module}`,
      identities: module.identities,
      keys: module.trusted_keys,
      require_tlog: module.require_tlog,
      attestations: module.required_attestations,
      trusted_root: module.trusted_root,
    });
  }
  return all;
}

async function rendered(services: Services, instance: Instance, record: CompositionRecord): Promise<RenderedFile[]> {
  const contents = await readInstanceFiles(services, record.instance_files);
  return renderInstanceFiles(record.instance_files, contents, instance.metadata);
}

/** Who approved the versions that the machine is to run, and when. */
async function approvalsOf(services: Services, record: CompositionRecord): Promise<DesiredState['approvals']> {
  const versions = await Promise.all(
    record.layers.map(({ account, version_id }) => getVersion(services.db, account, version_id)),
  );
  return versions.flatMap((version) => version?.approvals ?? []);
}
