import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { Candidate, CandidateState } from '../../domain/candidates/index.ts';
import type { SignatureVerdict } from '../../domain/signatures/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  dueShards,
  each,
  json,
  key,
  number,
  query,
  queryDue,
  read,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';

/** Sorts after every time: candidates that nobody is to ask again. */
const never = '9999-12-31T23:59:59.999Z';

const candidates = new Entity(
  {
    model: { entity: 'candidate', version: '1', service },
    attributes: {
      account: text,
      module: text,
      id: text,
      shard: number,
      digest: text,
      tags: json<string[]>(),
      version_string: text,
      state: json<CandidateState>(),
      code: json<string | null>(),
      message: json<string | null>(),
      signatures: json<SignatureVerdict[]>(),
      evidence_key: json<string | null>(),
      // Rows of earlier releases lack both: they are judged again before they are ingested.
      policy_version: { ...json<string | null>(), required: false },
      trust_root_version: { ...json<string | null>(), required: false },
      due_at: text,
      attempts: number,
      revision: number,
      found_at: text,
      updated_at: text,
    } satisfies Attributes<Row>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#candidate#${id}'),
        sk: key('sk', [], 'candidate'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'module'], '${account}#module#${module}#candidates'),
        sk: key('gsi1sk', ['found_at', 'id'], '${found_at}#${id}'),
      },
      due: {
        index: 'gsi2',
        pk: key('gsi2pk', ['shard'], 'due#verify#${shard}'),
        sk: key('gsi2sk', ['due_at', 'account', 'id'], '${due_at}#${account}#${id}'),
      },
    },
  } as const,
  { table: 'table' },
);

interface Row extends Omit<Candidate, 'next_verify_at'> {
  due_at: string;
}

function fromRow(row: Row): Candidate {
  const { due_at, policy_version = null, trust_root_version = null, ...rest } = row;
  return {
    ...rest,
    policy_version,
    trust_root_version,
    next_verify_at: due_at === never ? null : due_at,
  };
}

export async function getCandidate(db: Db, account: string, id: string): Promise<Candidate | null> {
  const row = await read<Row>(db, candidates, candidates.get({ account, id }).params());
  return row === null ? null : fromRow(row);
}

/** Candidates of a module, newest first. */
export async function listCandidates(
  db: Db,
  account: string,
  module: string,
  limit = 1000,
): Promise<Candidate[]> {
  const rows = await query<Row>(
    db,
    candidates,
    candidates.query.list({ account, module }).params(),
    limit,
    true,
  );
  return rows.map(fromRow);
}

/** Every candidate of a module, as the index has it. */
export async function* eachCandidate(
  db: Db,
  account: string,
  module: string,
): AsyncGenerator<Candidate> {
  const params = candidates.query.list({ account, module }).params();
  for await (const row of each<Row>(db, candidates, params)) yield fromRow(row);
}

export function createCandidate(candidate: Omit<Candidate, 'revision'>): Write {
  const { next_verify_at, ...rest } = candidate;
  const row = {
    ...rest,
    revision: 1,
    due_at: next_verify_at ?? never,
    shard: shardOf(candidate.id, dueShards),
  };
  return create(
    candidates.create(row as never).params(),
    () =>
      new GantryError(
        'already_exists',
        `digest ${candidate.digest} of "${candidate.module}" is known already`,
      ),
  );
}

/** Moves a candidate on, if its revision is still the one that was read. */
export function updateCandidate(
  was: Candidate,
  set: Partial<Omit<Candidate, 'account' | 'id' | 'revision'>>,
): Write {
  const { next_verify_at, ...rest } = set;
  const due = next_verify_at === undefined ? was.next_verify_at : next_verify_at;
  return change(
    candidates
      .patch({ account: was.account, id: was.id })
      .set({
        ...rest,
        revision: was.revision + 1,
        due_at: due ?? never,
        shard: shardOf(was.id, dueShards),
      } as never)
      .where(({ revision }, { eq }) => eq(revision, was.revision))
      .params(),
  );
}

/** Candidates that are to be verified (again) by now. */
export async function dueCandidates(db: Db, now: string, limit: number): Promise<Candidate[]> {
  const rows = await queryDue<Row>(limit, (shard, each) =>
    query(db, candidates, candidates.query.due({ shard }).lte({ due_at: now }).params(), each),
  );
  return rows.map(fromRow);
}

/** Candidates of a module that may still become versions, newest first: also those that nobody asks again by himself. */
export async function openCandidates(
  db: Db,
  account: string,
  module: string,
  limit: number,
): Promise<Candidate[]> {
  const listed = await listCandidates(db, account, module);
  return listed
    .filter(({ state, tags }) => state !== 'ingested' && tags.length > 0)
    .slice(0, limit);
}
