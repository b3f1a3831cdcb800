import { GantryError } from '../../base/error.ts';
import type { CallChain, Credential } from '../../domain/machines/index.ts';
import { type Db, type Draft, entity, transact, type Write } from '../table/index.ts';

/** Agents' credentials by hash, so that a call is authenticated by one read. */
const credentials = entity<Credential>()({
  name: 'credential',
  attributes: {
    hash: 'text',
    account: 'text',
    instance_id: 'text',
    key_thumbprint: 'text',
    chain: 'json',
    revision: 'number',
  },
  key: { pk: 'credential#${hash}', sk: 'credential' },
});

/** Proofs seen (RFC 9449, section 11.1): a second use of the same `jti` is a replay. */
const proofs = entity<{ thumbprint: string; jti: string; ttl: number }>()({
  name: 'proof',
  attributes: { thumbprint: 'text', jti: 'text', ttl: 'number' },
  key: { pk: 'proof#${thumbprint}#${jti}', sk: 'proof' },
});

export function getCredential(db: Db, hash: string): Promise<Credential | null> {
  return credentials.get(db, { hash });
}

export function createCredential(credential: Draft<Credential>): Write {
  return credentials.create(credential, () => new GantryError('conflict', 'the credential exists'));
}

/** Moves the chain of calls: of two concurrent calls, each is judged by what the other left. */
export function countCall(was: Credential, chain: CallChain): Write {
  return credentials.update(was, { chain });
}

/** Notes a proof's `jti` for ten minutes; the second time is refused. */
export async function spendProof(
  db: Db,
  thumbprint: string,
  jti: string,
  now: Date,
): Promise<void> {
  const ttl = Math.floor(now.getTime() / 1000) + 600;
  await transact(db, [
    proofs.create(
      { thumbprint, jti, ttl },
      () => new GantryError('dpop_replayed', 'expected a DPoP proof that was not used before'),
    ),
  ]);
}
