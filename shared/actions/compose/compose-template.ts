import { isDeepStrictEqual } from 'node:util';
import { SendTaskFailureCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { GantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { composefsImage } from '../../composefs/index.ts';
import { encodeIndex, indexOf } from '../../composition/index.ts';
import type { ComposeMessage, ReconcileMessage } from '../../contract/messages.ts';
import type { DesiredLayer } from '../../contract/reconcile/index.ts';
import type {
  CompositionFailure,
  CompositionLayer,
  LayerName,
} from '../../domain/compose/index.ts';
import { type TemplateView, viewOf, withChange } from '../../domain/compose/index.ts';
import {
  clearCompositionFailure,
  forgetConsidered,
  getComposition,
  getCompositionFailure,
  holdComposition,
  putComposition,
  putCompositionFailure,
  type TemplateComposition,
} from '../../store/compose/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { eachInstanceOf } from '../../store/machines/index.ts';
import { getModule } from '../../store/modules/index.ts';
import { objectKeys, putOnce, renew } from '../../store/objects.ts';
import { getOperation } from '../../store/operations/index.ts';
import { getTemplate, listAssignments } from '../../store/templates/index.ts';
import {
  type CompositionRecord,
  instanceFilesOf,
  objectsOf,
  recordInPlace,
} from '../compositions/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { checkInstances } from './check-instances.ts';
import { composeView } from './compose-view.ts';
import { moduleNotes } from './note-modules.ts';

/**
 * Composes a template for a track. With an operation: as it would be, and the waiting state machine hears whether it
 * can be. Without: as it is, the result becomes the template's composition, and its instances are reconciled; where it
 * cannot be composed, answers the reason that was noted.
 */
export async function composeTemplate(
  services: Services,
  message: ComposeMessage,
): Promise<CompositionFailure | null> {
  const { task_token } = message;
  if (task_token === undefined) return publish(services, message);
  try {
    const { account, template_id, track, operation_id } = message;
    await retryConflicts(async () => {
      const before = await getComposition(services.db, account, template_id, track);
      const replaced = await recordInPlace(services, before);
      const made = await makeComposition(services, message, before, replaced);
      const operation =
        operation_id === undefined ? null : await getOperation(services.db, account, operation_id);
      if (made === null || operation === null) return;
      const files = { before: replaced?.instance_files ?? [], after: made.record.instance_files };
      await checkInstances(services, message, operation.change, files);
    });
    await answer(services, new SendTaskSuccessCommand({ taskToken: task_token, output: '{}' }));
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    const template = await getTemplate(services.db, message.account, message.template_id);
    const cause = `template ${template?.name ?? ''} (${message.template_id}, ${message.track}): ${error.message}`;
    const told = { error: error.code, cause: cause.slice(0, limits.taskCauseLengthMax) };
    await answer(services, new SendTaskFailureCommand({ taskToken: task_token, ...told }));
  }
  return null;
}

/** A task that has ended meanwhile (timed out, answered by an earlier delivery) needs no answer any more. */
async function answer(
  services: Services,
  command: SendTaskSuccessCommand | SendTaskFailureCommand,
): Promise<void> {
  try {
    await services.aws.sfn.send(command as SendTaskSuccessCommand);
  } catch (error) {
    if (
      !['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes(
        (error as { name?: string }).name ?? '',
      )
    )
      throw error;
  }
}

async function publish(
  services: Services,
  message: ComposeMessage,
): Promise<CompositionFailure | null> {
  const { account, template_id, track } = message;
  // Another compose that was faster may have read what was there before this message: then this one looks again.
  const outcome = await retryConflicts(() => putMadeOrFailure(services, message));
  if (outcome !== 'made') return outcome;
  const followers: ReconcileMessage[] = [];
  for await (const instance of eachInstanceOf(services.db, account, template_id)) {
    if (instance.track === track) followers.push({ account, instance_id: instance.id });
  }
  await enqueue(services, 'reconcile', followers);
  return null;
}

/**
 * What people must put right (a module that another account changed, a category that is gone) is an answer: it is noted on
 * the template, whose composition stays as it was. Faults are thrown, and come again. Null when the template is gone.
 */
async function putMadeOrFailure(
  services: Services,
  message: ComposeMessage,
): Promise<'made' | CompositionFailure | null> {
  const { account, template_id, track } = message;
  // Read before anything that the composition is made of: see putComposition.
  const before = await getComposition(services.db, account, template_id, track);
  try {
    return (await putMade(services, message, before)) ? 'made' : null;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return noteFailure(services, message, before, error);
  }
}

const lasting: readonly ErrorCode[] = [
  'category_unknown',
  'instance_entry_unsupported',
  'glob_too_complex',
];

function isRefusal(error: unknown): error is GantryError {
  return (
    error instanceof GantryError &&
    (error.code.startsWith('composition_') || lasting.includes(error.code))
  );
}

async function noteFailure(
  services: Services,
  { account, template_id, track }: ComposeMessage,
  before: TemplateComposition | null,
  { code, message }: GantryError,
): Promise<CompositionFailure> {
  const known = await getCompositionFailure(services.db, account, template_id, track);
  if (known?.code === code && known.message === message) return known;
  const failure: CompositionFailure = {
    account,
    template_id,
    track,
    code,
    message,
    since: nowIso(services),
  };
  await transact(services.db, [
    holdComposition(account, template_id, track, before?.sequence ?? null),
    putCompositionFailure(failure),
    createEvent({
      type: 'gantry.composition.failed',
      account,
      subject: `template/${template_id}`,
      actor: 'gantry:compose',
      at: failure.since,
      data: { track, code, message },
    }),
  ]);
  return failure;
}

/** Composes, and puts the result in place. False when the template is gone. */
async function putMade(
  services: Services,
  message: ComposeMessage,
  before: TemplateComposition | null,
): Promise<boolean> {
  const { account, template_id, track } = message;
  const replaced = await recordInPlace(services, before);
  const made = await makeComposition(services, message, before, replaced);
  if (made === null) return false;
  const { record, report_key, revision, made_at, modules } = made;
  const sequence = (before?.sequence ?? 0) + 1;
  const same =
    before?.report_key === report_key &&
    before.revision === revision &&
    isDeepStrictEqual(before.modules, modules);
  if (before !== null && replaced !== null && before.report_key !== report_key) {
    // Others may have read the pointer and be about to name what it points at: it outlives what they are doing.
    for (const key of objectsOf(before.report_key, replaced))
      await renew(services.objects, key, services.now());
  }
  // Put in place all the same: a slower compose that began before and read what is true no more must find it replaced.
  await transact(services.db, [
    putComposition({
      account,
      template_id,
      track,
      digest: record.composition_digest,
      report_key,
      image_key: record.image.key,
      image_sha256: record.image.sha256,
      image_size: record.image.length,
      modules,
      revision,
      sequence,
      made_at,
    }),
    clearCompositionFailure(account, template_id, track),
    ...(same
      ? []
      : [
          createEvent({
            type: 'gantry.composition.made',
            account,
            subject: `template/${template_id}`,
            actor: 'gantry:compose',
            at: made_at,
            data: { track, digest: record.composition_digest, layers: record.layers.length },
          }),
        ]),
  ]);
  await forgetConsidered(services.db, { account, template_id, track, sequence }, modules);
  return true;
}

/**
 * Composes and stores image, index and record, all named by content. Null when the template is gone.
 * @param before the composition in place, and what it consists of
 */
async function makeComposition(
  services: Services,
  message: ComposeMessage,
  before: TemplateComposition | null,
  replaced: CompositionRecord | null,
) {
  const { account, template_id, track, operation_id } = message;
  const made_at = nowIso(services);
  const view = await readView(services, account, template_id, operation_id);
  if (view === null) return null;
  const { composition, warnings, resolution, considered } = await composeView(
    services,
    view,
    track,
    replaced?.resolution ?? null,
    { entriesMax: limits.composeEntriesMax, note: moduleNotes(services, message, before) },
  );
  const { image, digest } = composefsImage(composition.entries);
  const composition_digest = `sha256:${digest}`;
  const image_key = objectKeys.image(account, composition_digest);
  await putOnce(services.objects, image_key, image, 'application/octet-stream', services.now());
  const index = indexOf(composition);
  // Named by what is compressed: another zlib may compress it to other bytes.
  const index_key = objectKeys.compositionIndex(
    account,
    `sha256:${sha256Hex(JSON.stringify(index))}`,
  );
  await putOnce(
    services.objects,
    index_key,
    encodeIndex(index),
    'application/gzip',
    services.now(),
  );
  const record: CompositionRecord = {
    composition_digest,
    image: { key: image_key, sha256: sha256Hex(image), length: image.length },
    layers: composition.layers.map((layer) => desiredLayerOf(layer, composition.effective_masks)),
    instance_files: instanceFilesOf(composition),
    metadata: Object.fromEntries(
      view.assignments.map(({ module, metadata }) => [module, metadata]),
    ),
    report: { ...composition.report, warnings: [...warnings, ...composition.report.warnings] },
    resolution,
    index_key,
  };
  const text = JSON.stringify(record);
  const report_key = objectKeys.composition(account, `sha256:${sha256Hex(text)}`);
  await putOnce(services.objects, report_key, text, 'application/json', services.now());
  return { record, report_key, revision: view.template.revision, made_at, modules: considered };
}

function desiredLayerOf(
  layer: CompositionLayer,
  masks: ReadonlyMap<LayerName, string[]>,
): DesiredLayer {
  const {
    protected_spec: _,
    file_spec: __,
    mask: ___,
    package_spec: ____,
    entries: _____,
    ...rest
  } = layer;
  return { ...rest, effective_mask: masks.get(`${layer.account}/${layer.module}`) ?? [] };
}

async function readView(
  services: Services,
  account: string,
  template_id: string,
  operation_id: string | undefined,
): Promise<TemplateView | null> {
  const template = await getTemplate(services.db, account, template_id);
  if (template === null) return null;
  const assignments = await listAssignments(services.db, account, template_id);
  const view = viewOf(template, assignments);
  if (operation_id === undefined) return view;
  const operation = await getOperation(services.db, account, operation_id);
  if (operation === null) return view;
  const { change } = operation;
  const module =
    change.kind === 'promote_version' ? await getModule(services.db, account, change.module) : null;
  return withChange(view, change, operation.created_at, module?.live_version_id ?? null);
}
