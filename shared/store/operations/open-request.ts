import { type Db, entity, type Write } from '../table/index.ts';

/**
 * The last operation that was made for certain changes. Who asks for the same changes while it is
 * open gets that operation.
 */
export interface OpenRequest {
  account: string;
  /** SHA-256 of the changes, without the ids that each request makes. */
  hash: string;
  operation_id: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

const requests = entity<OpenRequest>()({
  name: 'open_request',
  attributes: { account: 'text', hash: 'text', operation_id: 'text', revision: 'number' },
  key: { pk: '${account}#request#${hash}', sk: 'request' },
});

/** The row of the changes; revision 0 where they were never requested. */
export async function getOpenRequest(db: Db, account: string, hash: string): Promise<OpenRequest> {
  const none = { account, hash, operation_id: '', revision: 0 };
  return (await requests.get(db, { account, hash })) ?? none;
}

/** Names the operation of the changes, unless another request named one since the row was read. */
export function putOpenRequest(was: OpenRequest, operation_id: string): Write {
  return requests.replace({ ...was, operation_id });
}
