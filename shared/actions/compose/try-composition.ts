import { cutText } from '../../base/cut-text.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import {
  type ChangedViews,
  type DependencyMove,
  judgeTrial,
  newPrivileges,
  type Privilege,
  type TrialFindings,
} from '../../domain/compose/index.ts';
import { getComposition, getTrialFindings, putTrialFindings } from '../../store/compose/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { getTemplate } from '../../store/templates/index.ts';
import { type CompositionRecord, recordInPlace } from '../compositions/index.ts';
import { completeTask, failTask, type Services } from '../context/index.ts';
import { checkInstances, refuseArrivals } from './check-instances.ts';
import { isRefusal } from './composition-refusal.ts';
import { makeComposition } from './make-composition.ts';
import { findNewPrivileges, refuseManyPrivileges, refuseUnshown } from './new-privileges.ts';

/** The templates and machines as an operation would change them. */
export interface ChangedByOperation {
  views: ChangedViews;
  /** Whether reviewers were asked: they judge the versions that an earlier trial found. */
  asked: boolean;
  /** Lets a transaction through only while nothing about the operation changes. */
  hold: Write;
}

/**
 * Reads what an operation would change; null if there is no such operation. The caller passes this
 * function, because compose must not import operations.
 */
export type ReadChangedViews = (
  services: Services,
  account: string,
  operation_id: string,
) => Promise<ChangedByOperation | null>;

/**
 * A template to compose as an operation would leave it, and the task that waits for the outcome.
 */
type Trial = ComposeMessage & { task_token: string };

/**
 * Composes a template as it would be, and completes or fails the waiting task of the operation's
 * execution. A composition that fails without the change as well does not fail the task.
 */
export async function tryComposition(
  services: Services,
  trial: Trial,
  readChangedViews: ReadChangedViews,
): Promise<void> {
  const { account, template_id, track, task_token } = trial;
  try {
    await retryConflicts(() => composeChanged(services, trial, readChangedViews));
    await completeTask(services, task_token, {});
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;

    const template = await getTemplate(services.db, account, template_id);
    const where = `template ${template?.name ?? ''} (${template_id}, ${track})`;
    const cause = cutText(`${where}: ${error.message}`, limits.taskCauseLengthMax);

    await failTask(services, task_token, { error: error.code, cause });
  }
}

async function composeChanged(
  services: Services,
  trial: Trial,
  readChangedViews: ReadChangedViews,
): Promise<void> {
  const { account, template_id, track, operation_id } = trial;
  const before = await getComposition(services.db, account, template_id, track);
  const replaced = await recordInPlace(services, before);
  const attempt = (options: { changed: ChangedViews | null; agreed?: DependencyMove[] }) =>
    attemptComposition(services, trial, { before, replaced, ...options });

  const operation =
    operation_id === undefined ? null : await readChangedViews(services, account, operation_id);
  if (operation === null || operation_id === undefined) {
    const { refusal } = await attempt({ changed: null });
    if (refusal !== null) throw refusal;
    return;
  }

  const { views: changed, asked } = operation;
  const found = await getTrialFindings(services.db, { account, operation_id, template_id, track });
  const agreed = asked ? { agreed: found?.moves ?? [] } : {};
  const { made, refusal } = await attempt({ changed, ...agreed });

  if (refusal !== null) {
    const composedBefore = (await attempt({ changed: null })).refusal === null;
    if (judgeTrial({ before: composedBefore, after: false }) === 'breaks') throw refusal;
    await refuseArrivals(services, trial, changed.instance, refusal);
  }

  // Without a new composition, machines keep the files of the one in place.
  const kept = replaced?.instance_files ?? [];
  const files = { before: kept, after: made?.record.instance_files ?? kept };
  await checkInstances(services, trial, changed.instance, files);
  await noteFindings(services, { ...trial, operation_id }, operation, { made, replaced, found });
}

/** Notes what reviewers must judge besides the changes themselves. */
async function noteFindings(
  services: Services,
  trial: Trial & { operation_id: string },
  { asked, hold }: ChangedByOperation,
  {
    made,
    replaced,
    found,
  }: { made: Made; replaced: CompositionRecord | null; found: TrialFindings | null },
): Promise<void> {
  const { account, template_id, track, operation_id } = trial;
  const moves = made?.moves ?? [];
  const after = made?.record.privileges ?? [];
  const privileges = await findNew(services, trial, { replaced, after });
  refuseManyPrivileges(privileges);
  if (asked) refuseUnshown(found?.privileges ?? [], privileges);

  const findings = { account, operation_id, template_id, track, moves, privileges };
  const isNothing = moves.length + privileges.length === 0;
  if (found !== null || !isNothing) await transact(services.db, [putTrialFindings(findings), hold]);
}

/**
 * The privileges that a change brings. A composition of a release that recorded none has those that
 * the template gives without the change.
 */
async function findNew(
  services: Services,
  trial: Trial,
  { replaced, after }: { replaced: CompositionRecord | null; after: readonly Privilege[] },
): Promise<Privilege[]> {
  const found = await findNewPrivileges(services, trial, { replaced, after });
  if (found !== null) return found;

  const options = { before: null, replaced, changed: null };
  const { made } = await attemptComposition(services, trial, options);
  return newPrivileges(made?.record.privileges ?? [], after);
}

type Made = Awaited<ReturnType<typeof makeComposition>>;

/** Composes a template; `made` is null if it is gone, or if composing is refused. */
async function attemptComposition(
  ...[services, trial, options]: Parameters<typeof makeComposition>
): Promise<{ made: Made; refusal: GantryError | null }> {
  try {
    return { made: await makeComposition(services, trial, options), refusal: null };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { made: null, refusal: error };
  }
}
