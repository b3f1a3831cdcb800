import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import {
  type ComposeRequest,
  dueComposeRequests,
  putComposeRequest,
  removeComposeRequest,
} from '../../store/compose/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';

type NewInstance = Omit<ComposeRequest, 'due_at' | 'instance_id'> & { id: string };

/**
 * The write, with a new instance, of the request to compose for it. It is due when the process that
 * made the instance has either sent the message or died.
 */
export function requestFirstCompose(
  services: Services,
  { account, id, template_id, track }: NewInstance,
): Write {
  const due_at = later(services, limits.firstComposeSeconds);
  return putComposeRequest({ account, instance_id: id, template_id, track, due_at });
}

/** Sends the message, then removes the request: a process that dies in between sends it twice. */
export async function sendFirstCompose(
  services: Services,
  { account, id, template_id, track }: NewInstance,
): Promise<void> {
  await enqueue(services, 'compose', [{ account, template_id, track }]);
  await transact(services.db, [removeComposeRequest(account, id)]);
}

/** Sends what processes that died left. Returns the number of requests. */
export async function scheduleFirstComposes(services: Services): Promise<number> {
  const due = await dueComposeRequests(services.db, nowIso(services), limits.pollsPerRun);
  await mapConcurrently(due, limits.storeReadsAtOnce, ({ instance_id: id, ...request }) =>
    sendFirstCompose(services, { ...request, id }),
  );
  return due.length;
}
