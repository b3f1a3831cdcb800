import type { Track } from '../../domain/templates/index.ts';
import { type Db, dueShards, entity, type Write } from '../table/index.ts';

/**
 * A new instance whose template is still to be sent to compose. It is written with the instance, so
 * a process that dies before it sends the message loses nothing.
 */
export interface ComposeRequest {
  account: string;
  instance_id: string;
  template_id: string;
  track: Track;
  due_at: string;
}

const requests = entity<ComposeRequest>()({
  name: 'compose-request',
  attributes: {
    account: 'text',
    instance_id: 'text',
    template_id: 'text',
    track: 'text',
    due_at: 'text',
  },
  shards: { count: dueShards, of: ({ instance_id }) => instance_id },
  key: { pk: '${account}#instance#${instance_id}', sk: 'compose-request' },
  lists: {
    due: {
      index: 'gsi1',
      pk: 'due#compose-request#${shard}',
      sk: '${due_at}#${account}#${instance_id}',
    },
  },
});

export function putComposeRequest(request: ComposeRequest): Write {
  return requests.put(request);
}

/** Its message is sent. */
export function removeComposeRequest(account: string, instance_id: string): Write {
  return requests.removeWhere({ account, instance_id });
}

export function dueComposeRequests(db: Db, now: string, limit: number): Promise<ComposeRequest[]> {
  return requests.due(db, 'due', {}, { upTo: now, limit });
}
