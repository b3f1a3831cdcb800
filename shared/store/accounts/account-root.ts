import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  dueShards,
  json,
  key,
  number,
  query,
  queryDue,
  read,
  remove,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';

/** A root that another one follows; the one in force is in the account's row. */
export interface SupersededRoot {
  account: string;
  version: number;
  /** SHA-256 of its bytes, 64 hex digits; names the object. */
  sha256: string;
  superseded_at: string;
}

/** The next root while it waits for signatures; an account has one at most. */
export interface RootProposal {
  account: string;
  version: number;
  /** TUF metadata as JSON, with the signatures so far. */
  metadata: string;
  /** The KMS key that signs desired states once it is in force; null where that stays. */
  director_key_id: string | null;
  proposed_by: string;
  proposed_at: string;
  /** Counts signatures, so that of two at once neither is lost. */
  revision: number;
}

/** Desired states that are signed anew because the director key changed: how far that is. */
export interface Rotation {
  account: string;
  /** Of the root that brought the new key. */
  version: number;
  /** Where `walkInstances` goes on; '' to begin. */
  place: string;
  due_at: string;
}

const options = { table: 'table' };
const partition = key('pk', ['account'], '${account}#roots');

const superseded = new Entity(
  {
    model: { entity: 'root', version: '1', service },
    attributes: {
      account: text,
      version: number,
      sha256: text,
      superseded_at: text,
    } satisfies Attributes<SupersededRoot>,
    indexes: { primary: { pk: partition, sk: key('sk', ['version'], 'root#${version}') } },
  } as const,
  options,
);

const proposals = new Entity(
  {
    model: { entity: 'root_proposal', version: '1', service },
    attributes: {
      account: text,
      version: number,
      metadata: text,
      director_key_id: json<string | null>(),
      proposed_by: text,
      proposed_at: text,
      revision: number,
    } satisfies Attributes<RootProposal>,
    indexes: { primary: { pk: partition, sk: key('sk', [], 'proposal') } },
  } as const,
  options,
);

const rotations = new Entity(
  {
    model: { entity: 'rotation', version: '1', service },
    attributes: {
      account: text,
      version: number,
      place: text,
      due_at: text,
      shard: number,
    } satisfies Attributes<Rotation>,
    indexes: {
      primary: { pk: partition, sk: key('sk', [], 'rotation') },
      due: {
        index: 'gsi1',
        pk: key('gsi1pk', ['shard'], 'due#rotation#${shard}'),
        sk: key('gsi1sk', ['due_at', 'account'], '${due_at}#${account}'),
      },
    },
  } as const,
  options,
);

/** The roots before the one in force, oldest first. */
export async function listSupersededRoots(db: Db, account: string): Promise<SupersededRoot[]> {
  const all = await query<SupersededRoot>(
    db,
    superseded,
    superseded.query.primary({ account }).params(),
  );
  return all.sort((a, b) => a.version - b.version);
}

export function createSupersededRoot(root: SupersededRoot): Write {
  return create(
    superseded.create(root).params(),
    () => new GantryError('conflict', 'another root followed this one'),
  );
}

export function getRootProposal(db: Db, account: string): Promise<RootProposal | null> {
  return read(db, proposals, proposals.get({ account }).params());
}

/** Proposes a root, if none waits; one that another root overtook does not count. */
export function createRootProposal(proposal: RootProposal): Write {
  return change(
    proposals
      .put(proposal as never)
      .where(
        ({ version }, { notExists, lt }) =>
          `${notExists(version)} OR ${lt(version, proposal.version)}`,
      )
      .params(),
    () =>
      new GantryError(
        'root_proposal_open',
        'another change of the account root waits for signatures',
      ),
  );
}

/** Keeps the proposal with one more signature, if nobody signed or withdrew it since it was read. */
export function signRootProposal(was: RootProposal, metadata: string): Write {
  return change(
    proposals
      .patch({ account: was.account })
      .set({ metadata, revision: was.revision + 1 })
      .where(
        ({ revision, proposed_at }, { eq }) =>
          `${eq(revision, was.revision)} AND ${eq(proposed_at, was.proposed_at)}`,
      )
      .params(),
  );
}

export function removeRootProposal(was: RootProposal): Write {
  return remove(
    proposals
      .delete({ account: was.account })
      .where(
        ({ revision, proposed_at }, { eq }) =>
          `${eq(revision, was.revision)} AND ${eq(proposed_at, was.proposed_at)}`,
      )
      .params(),
  );
}

/** Begins to have an account's desired states signed anew; one that is under way begins again, for the newer key. */
export function putRotation(rotation: Rotation): Write {
  return change(
    rotations.put({ ...rotation, shard: shardOf(rotation.account, dueShards) }).params(),
  );
}

export function dueRotations(db: Db, now: string, limit: number): Promise<Rotation[]> {
  return queryDue(limit, (shard, each) =>
    query(db, rotations, rotations.query.due({ shard }).lte({ due_at: now }).params(), each),
  );
}

/** Notes how far a rotation is, or that it is done (`place` null), if it still is where it was. */
export function moveRotation(was: Rotation, place: string | null): Write {
  if (place === null) {
    return remove(
      rotations
        .delete({ account: was.account })
        .where((row, { eq }) => `${eq(row.version, was.version)} AND ${eq(row.place, was.place)}`)
        .params(),
    );
  }
  return change(
    rotations
      .patch({ account: was.account })
      .set({ place })
      .where((row, { eq }) => `${eq(row.version, was.version)} AND ${eq(row.place, was.place)}`)
      .params(),
  );
}
