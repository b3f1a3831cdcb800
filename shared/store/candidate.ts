import { Entity } from 'electrodb';
import type { SignatureVerdict } from '../domain/signature.ts';
import type { Candidate, CandidateState } from '../domain/version.ts';
import { GantryError } from '../error.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  json,
  key,
  number,
  query,
  read,
  service,
  shardOf,
  text,
  type Write,
} from './db.ts';
import { dueShards } from './repository.ts';

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
      due_at: text,
      attempts: number,
      found_at: text,
      updated_at: text,
    } satisfies Attributes<Row>,
    indexes: {
      primary: { pk: key('pk', ['account', 'id'], '${account}#candidate#${id}'), sk: key('sk', [], 'candidate') },
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
  const { due_at, ...rest } = row;
  return { ...rest, next_verify_at: due_at === never ? null : due_at };
}

export async function getCandidate(db: Db, account: string, id: string): Promise<Candidate | null> {
  const row = await read<Row>(db, candidates, candidates.get({ account, id }).params());
  return row === null ? null : fromRow(row);
}

/** Candidates of a module, newest first. */
export async function listCandidates(db: Db, account: string, module: string, limit = 1000): Promise<Candidate[]> {
  const rows = await query<Row>(db, candidates, candidates.query.list({ account, module }).params(), limit, true);
  return rows.map(fromRow);
}

export function createCandidate(candidate: Candidate): Write {
  const { next_verify_at, ...rest } = candidate;
  const row = { ...rest, due_at: next_verify_at ?? never, shard: shardOf(candidate.id, dueShards) };
  return create(
    candidates.create(row as never).params(),
    () => new GantryError('already_exists', `digest ${candidate.digest} of "${candidate.module}" is known already`),
  );
}

/** Moves a candidate on, if it still is as it was read (its `updated_at` is the version of the row). */
export function updateCandidate(was: Candidate, set: Partial<Omit<Candidate, 'account' | 'id'>>): Write {
  const { next_verify_at, ...rest } = set;
  const due = next_verify_at === undefined ? was.next_verify_at : next_verify_at;
  return change(
    candidates
      .patch({ account: was.account, id: was.id })
      .set({ ...rest, due_at: due ?? never, shard: shardOf(was.id, dueShards) } as never)
      .where(
        ({ updated_at, state }, { eq }) =>
          `${eq(updated_at, was.updated_at)} AND ${eq(state as never, was.state as never)}`,
      )
      .params(),
  );
}

/** Candidates that are to be verified (again) by now. */
export async function dueCandidates(db: Db, now: string, limit: number): Promise<Candidate[]> {
  const pages = await Promise.all(
    Array.from({ length: dueShards }, (_, shard) =>
      query<Row>(
        db,
        candidates,
        candidates.query.due({ shard }).lte({ due_at: now }).params(),
        Math.ceil(limit / dueShards),
      ),
    ),
  );
  return pages.flat().map(fromRow);
}

/** Candidates of a module that are to be asked again some time. */
export async function dueCandidatesOf(db: Db, account: string, module: string): Promise<Candidate[]> {
  return (await listCandidates(db, account, module)).filter((candidate) => candidate.next_verify_at !== null);
}
