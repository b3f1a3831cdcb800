import { GantryError } from '../../base/error.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import { type Db, type Draft, dueShards, entity, type Write } from '../table/index.ts';

/** Sorts after every time: for candidates that are not due again. */
const never = '9999-12-31T23:59:59.999Z';

const candidates = entity<Candidate>()({
  name: 'candidate',
  attributes: {
    account: 'text',
    module: 'text',
    id: 'text',
    digest: 'text',
    tags: 'json',
    version_string: 'text',
    state: 'text',
    code: 'json',
    message: 'json',
    signatures: 'json',
    stored_signatures_key: 'json',
    policy_version: 'json',
    trust_root_version: 'json',
    next_verify_at: 'json',
    attempts: 'number',
    revision: 'number',
    found_at: 'text',
    updated_at: 'text',
  },
  derived: { due_at: { kind: 'text', of: ({ next_verify_at }) => next_verify_at ?? never } },
  shards: { count: dueShards, of: ({ id }) => id },
  key: { pk: '${account}#candidate#${id}', sk: 'candidate' },
  lists: {
    byModule: {
      index: 'gsi1',
      pk: '${account}#module#${module}#candidates',
      sk: '${found_at}#${id}',
    },
    due: { index: 'gsi2', pk: 'due#verify#${shard}', sk: '${due_at}#${account}#${id}' },
  },
});

export function getCandidate(db: Db, account: string, id: string): Promise<Candidate | null> {
  return candidates.get(db, { account, id });
}

/** The newest candidates of a module. */
export async function listCandidates(
  db: Db,
  account: string,
  module: string,
  limit = 1000,
): Promise<Candidate[]> {
  const range = { limit, newestFirst: true };
  return (await candidates.list(db, 'byModule', { account, module }, range)).rows;
}

/** Every candidate of a module, newest first, as the index has it. */
export function eachCandidate(db: Db, account: string, module: string): AsyncGenerator<Candidate> {
  return candidates.each(db, 'byModule', { account, module }, { newestFirst: true });
}

export function createCandidate(candidate: Draft<Candidate>): Write {
  return candidates.create(
    candidate,
    () =>
      new GantryError(
        'already_exists',
        `digest ${candidate.digest} of "${candidate.module}" is known already`,
      ),
  );
}

export function updateCandidate(
  was: Candidate,
  set: Partial<Omit<Candidate, 'account' | 'id' | 'revision'>>,
): Write {
  return candidates.update(was, set);
}

export function removeCandidate(was: Candidate): Write {
  return candidates.remove(was);
}

/** Candidates whose next verification is due. */
export function dueCandidates(db: Db, now: string, limit: number): Promise<Candidate[]> {
  return candidates.due(db, 'due', {}, { upTo: now, limit });
}

/**
 * The newest candidates of a module that may still become versions, also those that are not due
 * again.
 */
export async function openCandidates(
  db: Db,
  account: string,
  module: string,
  limit: number,
): Promise<Candidate[]> {
  const open: Candidate[] = [];
  for await (const candidate of eachCandidate(db, account, module)) {
    if (open.length === limit) break;
    if (candidate.state !== 'ingested' && candidate.tags.length > 0) open.push(candidate);
  }

  return open;
}
