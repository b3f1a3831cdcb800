import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { CallChain } from '../../domain/machines/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  json,
  key,
  number,
  read,
  service,
  text,
  transact,
  type Write,
} from '../db.ts';
import { options } from './instance.ts';

/** Agents' credentials by hash, so that a call is authenticated by one read. */
const credentials = new Entity(
  {
    model: { entity: 'credential', version: '1', service },
    attributes: {
      hash: text,
      account: text,
      instance_id: text,
      key_thumbprint: text,
      chain: json<CallChain>(),
      calls: number,
    } satisfies Attributes<Credential>,
    indexes: {
      primary: { pk: key('pk', ['hash'], 'credential#${hash}'), sk: key('sk', [], 'credential') },
    },
  } as const,
  options,
);

/** Proofs seen (RFC 9449, section 11.1): a second use of the same `jti` is a replay. */
const proofs = new Entity(
  {
    model: { entity: 'proof', version: '1', service },
    attributes: { thumbprint: text, jti: text, ttl: number },
    indexes: {
      primary: {
        pk: key('pk', ['thumbprint', 'jti'], 'proof#${thumbprint}#${jti}'),
        sk: key('sk', [], 'proof'),
      },
    },
  } as const,
  options,
);

export interface Credential {
  hash: string;
  account: string;
  instance_id: string;
  key_thumbprint: string;
  /** Where its calls stand. */
  chain: CallChain;
  /** Counts changes of the chain, so that of two calls at once each is judged by what the other left. */
  calls: number;
}

export function getCredential(db: Db, hash: string): Promise<Credential | null> {
  return read(db, credentials, credentials.get({ hash }).params());
}

export function createCredential(credential: Credential): Write {
  return create(
    credentials.create(credential).params(),
    () => new GantryError('conflict', 'the credential exists'),
  );
}

/** Counts a call, if no other one was since the chain was read. */
export function countCall(was: Credential, chain: CallChain): Write {
  return change(
    credentials
      .patch({ hash: was.hash })
      .set({ chain, calls: was.calls + 1 })
      .where(({ calls }, { eq }) => eq(calls, was.calls))
      .params(),
  );
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
    create(
      proofs.create({ thumbprint, jti, ttl }).params(),
      () => new GantryError('dpop_replayed', 'expected a DPoP proof that was not used before'),
    ),
  ]);
}
