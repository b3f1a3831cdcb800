import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import type { ChangedViews } from '../../domain/compose/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import { getTemplate } from '../../store/templates/index.ts';
import { recordInPlace } from '../compositions/index.ts';
import { completeTask, failTask, type Services } from '../context/index.ts';
import { checkInstances } from './check-instances.ts';
import { makeComposition } from './make-composition.ts';

/**
 * Reads the templates and machines as an operation would change them; null if there is no such
 * operation. The caller passes this function, because compose must not import operations.
 */
export type ReadChangedViews = (
  services: Services,
  account: string,
  operation_id: string,
) => Promise<ChangedViews | null>;

/**
 * A template to compose as an operation would leave it, and the task that waits for the outcome.
 */
type Trial = ComposeMessage & { task_token: string };

/**
 * Composes a template as it would be, and completes or fails the waiting task of the operation's
 * execution.
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
    const cause = `${where}: ${error.message}`.slice(0, limits.taskCauseLengthMax);

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
  const changed =
    operation_id === undefined ? null : await readChangedViews(services, account, operation_id);

  const made = await makeComposition(services, trial, { before, replaced, changed });
  if (made === null || changed === null) return;

  const files = { before: replaced?.instance_files ?? [], after: made.record.instance_files };
  await checkInstances(services, trial, changed.instance, files);
}
