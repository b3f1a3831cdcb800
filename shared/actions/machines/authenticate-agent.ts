import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Credential, Instance } from '../../domain/machines/index.ts';
import { checkCall, checkProof } from '../../dpop/index.ts';
import {
  countCall,
  endCredential,
  getCredential,
  getInstance,
  instanceEvent,
  spendProof,
} from '../../store/machines/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';

export interface AgentCall {
  credential: string;
  /** The `DPoP` header. */
  proof: string;
  htm: string;
  htu: string;
}

export interface AgentCaller {
  account: string;
  instance_id: string;
  /** For the `DPoP-Nonce` header of every response: the machine's next call names it. */
  nonce: string;
}

/**
 * The machine that an agent's call comes from: it needs a known credential, a fresh proof of the
 * key that the credential is bound to (RFC 9449, section 7.2), and the next place in the chain of
 * its calls. A chain that forks means that the key was copied: the credential is then revoked for
 * both.
 *
 * @throws GantryError `unauthenticated`, `dpop_invalid`, `dpop_replayed`, `credential_reused` or
 * `instance_decommissioned`
 */
export async function authenticateAgent(services: Services, call: AgentCall): Promise<AgentCaller> {
  const hash = sha256Hex(call.credential);
  const credential = await requireCredential(services, hash);

  const { thumbprint, jti, place } = await checkProof(call.proof, {
    htm: call.htm,
    htu: call.htu,
    accessToken: call.credential,
    now: services.now(),
    expectedThumbprint: credential.key_thumbprint,
  });

  await spendProof(services.db, thumbprint, jti, services.now());

  const { account, instance_id } = credential;
  const instance = await getInstance(services.db, account, instance_id);

  refuseEnded(instance, hash, instance_id);

  return retryConflicts(async () => {
    const now = await requireCredential(services, hash);
    const verdict = checkCall(now.chain, place);
    if (verdict.kind === 'reused') throw await revokeReused(services, hash, now, verdict.why);

    if (verdict.kind === 'late') {
      throw new GantryError(
        'dpop_replayed',
        'expected the newest attempt of a call, found one that another overtook',
      );
    }

    await transact(services.db, [countCall(now, verdict.chain)]);
    return { account, instance_id, nonce: verdict.nonce };
  });
}

async function requireCredential(services: Services, hash: string): Promise<Credential> {
  const credential = await getCredential(services.db, hash);
  if (credential === null)
    throw new GantryError('unauthenticated', 'expected a known agent credential');
  return credential;
}

function refuseEnded(instance: Instance | null, hash: string, id: string): void {
  if (instance?.state === 'decommissioned') {
    throw new GantryError('instance_decommissioned', `instance ${id} is decommissioned`);
  }

  if (instance?.state === 'credential_reused') throw reusedError(id, 'it was so before');
  // A new enrolment replaces the credential.
  if (instance === null || instance.credential_hash !== hash) {
    throw new GantryError(
      'unauthenticated',
      'expected the current credential of the instance, found an older one',
    );
  }
}

/**
 * Revokes a credential that was used from two places, and writes the event. Returns the error for
 * the caller.
 */
async function revokeReused(
  services: Services,
  hash: string,
  credential: Credential,
  why: string,
): Promise<GantryError> {
  const { account, instance_id, key_thumbprint } = credential;
  const instance = await getInstance(services.db, account, instance_id);

  refuseEnded(instance, hash, instance_id);
  if (instance === null) return reusedError(instance_id, why);

  const at = nowIso(services);
  await transact(services.db, [
    endCredential(instance, 'credential_reused', at),
    instanceEvent(instance, { actor: `instance:${instance_id}`, at }, 'credential_reused', {
      why,
      key_thumbprint,
    }),
  ]);

  return reusedError(instance_id, why);
}

function reusedError(id: string, why: string): GantryError {
  return new GantryError(
    'credential_reused',
    `the credential of instance ${id} was used from two places (${why}); it is revoked, enrol again with a new join token`,
  );
}

/** The key behind the proof of an enrolment, which has no credential yet. */
export interface ProvenKey {
  thumbprint: string;
  /** Notes that the proof was used. A second use is refused with `dpop_replayed`. */
  spend(): Promise<void>;
}

/**
 * Checks the proof of an enrolment and writes nothing: anyone can make a valid proof, so the caller
 * spends it only after the secret of the join token.
 */
export async function provenKey(
  services: Services,
  call: Omit<AgentCall, 'credential'>,
): Promise<ProvenKey> {
  const now = services.now();
  const { thumbprint, jti } = await checkProof(call.proof, { htm: call.htm, htu: call.htu, now });
  return { thumbprint, spend: () => spendProof(services.db, thumbprint, jti, now) };
}
