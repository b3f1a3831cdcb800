import { type Db, dueShards, entity, type Write } from '../table/index.ts';

/**
 * A mail about a change of who may do or decide what, which is still to be sent. It is written with
 * the change, so a process that dies before it sends the mail loses nothing.
 */
export interface Notice {
  account: string;
  id: string;
  subject: string;
  /** Lines. */
  text: string[];
  /** Addresses of other people whom it concerns. */
  also: string[];
  /** Who made the change. */
  actor: string;
  due_at: string;
}

const notices = entity<Notice>()({
  name: 'notice',
  attributes: {
    account: 'text',
    id: 'text',
    subject: 'text',
    text: 'json',
    also: 'json',
    actor: 'text',
    due_at: 'text',
  },
  shards: { count: dueShards, of: ({ id }) => id },
  key: { pk: '${account}#notice#${id}', sk: 'notice' },
  lists: { due: { index: 'gsi1', pk: 'due#notice#${shard}', sk: '${due_at}#${id}' } },
});

export function putNotice(notice: Notice): Write {
  return notices.put(notice);
}

/** Its mails are sent. */
export function removeNotice({ account, id }: Pick<Notice, 'account' | 'id'>): Write {
  return notices.removeWhere({ account, id });
}

export function dueNotices(db: Db, now: string, limit: number): Promise<Notice[]> {
  return notices.due(db, 'due', {}, { upTo: now, limit });
}
