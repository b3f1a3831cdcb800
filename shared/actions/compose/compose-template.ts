import { isDeepStrictEqual } from 'node:util';
import { isGantryError } from '../../base/error.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { ComposeMessage, ReconcileMessage } from '../../contract/messages.ts';
import type { CompositionFailure, TemplateComposition } from '../../domain/compose/index.ts';
import {
  clearCompositionFailure,
  forgetConsidered,
  getComposition,
  getCompositionFailure,
  holdComposition,
  putComposition,
  putCompositionFailure,
} from '../../store/compose/index.ts';
import { createEvent } from '../../store/event.ts';
import { eachInstanceOf } from '../../store/machines/index.ts';
import { refreshAge } from '../../store/objects.ts';
import { transact } from '../../store/table/index.ts';
import { objectsOf, recordInPlace } from '../compositions/index.ts';
import { enqueue, faultOf, nowIso, type Services } from '../context/index.ts';
import { isRefusal } from './composition-refusal.ts';
import { makeComposition } from './make-composition.ts';
import { findNewPrivileges, refuseUnapproved } from './new-privileges.ts';

/**
 * Composes a template for a track as it is: the result becomes the template's composition. Its
 * instances are reconciled in any case. Returns null, or the recorded reason if the template cannot
 * be composed.
 */
export async function composeTemplate(
  services: Services,
  message: ComposeMessage,
): Promise<CompositionFailure | null> {
  const { account, template_id, track } = message;
  // A faster compose may have read rows that are older than this message, so this one reads again
  // after a conflict.
  const outcome = await retryConflicts(() => putMadeOrFailure(services, message));
  if (outcome === null) return null;

  // A failure is for the machines too: they show the version of theirs that is quarantined.
  const followers: ReconcileMessage[] = [];
  for await (const instance of eachInstanceOf(services.db, account, template_id)) {
    if (instance.track === track) followers.push({ account, instance_id: instance.id });
  }

  await enqueue(services, 'reconcile', followers);
  return outcome === 'made' ? null : outcome;
}

/**
 * A refusal that a person must resolve is an outcome: for example, another account changed a
 * module, or a category was removed. It is recorded on the template, whose composition stays as it
 * was. Faults are recorded as well, and thrown, so that SQS delivers the message again. Returns
 * null if the template does not exist.
 */
async function putMadeOrFailure(
  services: Services,
  message: ComposeMessage,
): Promise<'made' | CompositionFailure | null> {
  const { account, template_id, track } = message;
  // Read before everything that the composition is made of: see putComposition.
  const before = await getComposition(services.db, account, template_id, track);

  try {
    return (await putMade(services, message, before)) ? 'made' : null;
  } catch (error) {
    if (isGantryError(error, 'conflict')) throw error;
    const failure = await noteFailure(services, message, before, faultOf(error, 'compose'));
    if (!isRefusal(error)) throw error;
    return failure;
  }
}

async function noteFailure(
  services: Services,
  { account, template_id, track }: ComposeMessage,
  before: TemplateComposition | null,
  { code, message }: Pick<CompositionFailure, 'code' | 'message'>,
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
    holdComposition(account, template_id, track, before?.revision ?? null),
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

/**
 * Composes, and makes the result the template's composition. Returns false if the template does not
 * exist.
 */
async function putMade(
  services: Services,
  message: ComposeMessage,
  before: TemplateComposition | null,
): Promise<boolean> {
  const { account, template_id, track } = message;
  const replaced = await recordInPlace(services, before);
  const made = await makeComposition(services, message, { before, replaced, changed: null });
  if (made === null) return false;

  const { record, report_key, template_revision, made_at, modules } = made;
  const { privileges: after = [] } = record;
  refuseUnapproved((await findNewPrivileges(services, message, { replaced, after })) ?? []);

  const sequence = (before?.revision ?? 0) + 1;
  const same =
    before?.report_key === report_key &&
    before.template_revision === template_revision &&
    isDeepStrictEqual(before.modules, modules);

  if (before !== null && replaced !== null && before.report_key !== report_key) {
    // Another worker may have read the pointer and may still use its objects, so they must not be
    // collected yet.
    for (const key of objectsOf(before.report_key, replaced))
      await refreshAge(services.objects, key, services.now());
  }

  // The revision rises even for the same content, so that a slower compose with stale rows fails
  // its condition.
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
      template_revision,
      revision: before?.revision ?? 0,
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
