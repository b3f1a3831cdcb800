import { GantryError } from '../../base/error.ts';
import type { RootProposal, Rotation, SupersededRoot } from '../../domain/accounts/index.ts';
import {
  absent,
  below,
  type Db,
  type Draft,
  dueShards,
  entity,
  type Write,
} from '../table/index.ts';

const superseded = entity<SupersededRoot>()({
  name: 'root',
  attributes: { account: 'text', version: 'number', sha256: 'text', superseded_at: 'text' },
  key: { pk: '${account}#roots', sk: 'root#${version}' },
});

const proposals = entity<RootProposal>()({
  name: 'root_proposal',
  attributes: {
    account: 'text',
    version: 'number',
    metadata: 'text',
    director_key_id: 'json',
    proposed_by: 'text',
    proposed_at: 'text',
    revision: 'number',
  },
  key: { pk: '${account}#roots', sk: 'proposal' },
});

const rotations = entity<Rotation>()({
  name: 'rotation',
  attributes: {
    account: 'text',
    version: 'number',
    place: 'text',
    due_at: 'text',
    revision: 'number',
  },
  shards: { count: dueShards, of: ({ account }) => account },
  key: { pk: '${account}#roots', sk: 'rotation' },
  lists: { due: { index: 'gsi1', pk: 'due#rotation#${shard}', sk: '${due_at}#${account}' } },
});

/** Every root before the one in force, oldest first. */
export async function listSupersededRoots(db: Db, account: string): Promise<SupersededRoot[]> {
  const all = await superseded.all(db, 'primary', { account });
  return all.sort((a, b) => a.version - b.version);
}

export function createSupersededRoot(root: SupersededRoot): Write {
  return superseded.create(
    root,
    () => new GantryError('conflict', 'another root followed this one'),
  );
}

export function getRootProposal(db: Db, account: string): Promise<RootProposal | null> {
  return proposals.get(db, { account });
}

/**
 * Proposes a root, unless another one waits; a proposal that a newer root overtook does not count.
 */
export function createRootProposal(proposal: Draft<RootProposal>): Write {
  const { version } = proposal;
  return proposals.put(
    { ...proposal, revision: 1 },
    [{ version: absent }, { version: below(version) }],
    () =>
      new GantryError(
        'root_proposal_open',
        'another change of the account root waits for signatures',
      ),
  );
}

/**
 * Keeps the proposal with one more signature, unless it was signed or withdrawn since it was read.
 */
export function signRootProposal(was: RootProposal, metadata: string): Write {
  return proposals.update(was, { metadata }, { where: sameProposal(was) });
}

export function removeRootProposal(was: RootProposal): Write {
  return proposals.remove(was, { where: sameProposal(was) });
}

/** Revisions begin at 1 with each proposal of an account. */
function sameProposal({ version, proposed_at }: RootProposal) {
  return { version, proposed_at };
}

/**
 * Begins to sign an account's desired states again; one that is under way begins again, for the
 * newer key.
 */
export function putRotation(rotation: Draft<Rotation>): Write {
  return rotations.put({ ...rotation, revision: 1 });
}

export function dueRotations(db: Db, now: string, limit: number): Promise<Rotation[]> {
  return rotations.due(db, 'due', {}, { upTo: now, limit });
}

/** Notes how far a rotation is, or that it is done (`place` null), if it still is where it was. */
export function moveRotation(was: Rotation, place: string | null): Write {
  // Revisions begin at 1 with each rotation of an account.
  const where = { version: was.version };
  return place === null
    ? rotations.remove(was, { where })
    : rotations.update(was, { place }, { where });
}
