import { sha256Hex } from '../contract/ids.ts';
import type { ApiToken, Caller, Member, Role } from '../domain/role.ts';
import type { Instance } from '../domain/template.ts';
import { checkProof, judgeCall } from '../dpop/index.ts';
import { GantryError } from '../error.ts';
import { getMember, getToken } from '../store/account.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import {
  type Credential,
  countCall,
  endCredential,
  getCredential,
  getInstance,
  spendProof,
} from '../store/instance.ts';
import { retryConflicts } from './retry-conflicts.ts';
import { nowIso, type Services } from './services.ts';

/**
 * Who an API token speaks for. A member's token does no more than the member may now, and nothing once the member is
 * gone. Fails with `unauthenticated`; the sentence never tells an unknown token from one of another account.
 */
export async function authenticateToken(services: Services, secret: string): Promise<Caller> {
  const token = await getToken(services.db, sha256Hex(secret));
  if (token === null) throw new GantryError('unauthenticated', 'expected a valid API token, found one that is unknown');
  const refusal = tokenRefusal(token, services.now());
  if (refusal !== null) throw new GantryError('unauthenticated', refusal);
  const member = token.member_id === null ? null : await getMember(services.db, token.account, token.member_id);
  return callerOf(token, member);
}

/** Why a token no longer counts, or null. */
export function tokenRefusal(token: Pick<ApiToken, 'revoked_at' | 'expires_at'>, now: Date): string | null {
  if (token.revoked_at !== null) return `expected a valid API token, found one that was revoked at ${token.revoked_at}`;
  if (token.expires_at !== null && Date.parse(token.expires_at) <= now.getTime()) {
    return `expected a valid API token, found one that expired at ${token.expires_at}`;
  }
  return null;
}

/** The caller behind a token and, where it is a member's, the member as they are now. */
export function callerOf(token: ApiToken, member: Member | null): Caller {
  const { account, member_id } = token;
  if (member_id === null) {
    return { account, actor: `token:${token.id}`, roles: token.roles, member_id, platform: token.platform };
  }
  if (member === null) throw new GantryError('unauthenticated', 'expected the token of a member, found one who left');
  return {
    account,
    actor: `member:${member_id}`,
    roles: shared(token.roles, member.roles),
    member_id,
    platform: token.platform,
  };
}

/** The roles that both grant; admin grants all. */
function shared(granted: readonly Role[], held: readonly Role[]): readonly Role[] {
  if (granted.includes('admin')) return held;
  return held.includes('admin') ? granted : granted.filter((role) => held.includes(role));
}

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
  /** For the `DPoP-Nonce` header of the answer, whatever that is: the machine's next call names it. */
  nonce: string;
}

/**
 * Which machine an agent's call comes from: a known credential, a fresh proof of the key that it is bound to (RFC 9449,
 * section 7.2), and the place that follows in the chain of its calls. A chain that forks means that the key has a copy: the
 * credential ends there, for both. Fails with `unauthenticated`, `dpop_invalid`, `dpop_replayed`, `credential_reused` or
 * `instance_decommissioned`.
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
    const verdict = judgeCall(now.chain, place);
    if (verdict.kind === 'reused') throw await revoked(services, hash, now, verdict.why);
    if (verdict.kind === 'late') {
      throw new GantryError('dpop_replayed', 'expected the newest attempt of a call, found one that another overtook');
    }
    await transact(services.db, [countCall(now, verdict.chain)]);
    return { account, instance_id, nonce: verdict.nonce };
  });
}

async function requireCredential(services: Services, hash: string): Promise<Credential> {
  const credential = await getCredential(services.db, hash);
  if (credential === null) throw new GantryError('unauthenticated', 'expected a known agent credential');
  return credential;
}

function refuseEnded(instance: Instance | null, hash: string, id: string): void {
  if (instance?.state === 'decommissioned') {
    throw new GantryError('instance_decommissioned', `instance ${id} is decommissioned`);
  }
  if (instance?.state === 'credential_reused') throw reused(id, 'it was so before');
  // An instance that was enrolled again has another credential; the one before it ends then.
  if (instance === null || instance.credential_hash !== hash) {
    throw new GantryError('unauthenticated', 'expected the current credential of the instance, found an older one');
  }
}

/** Ends a credential that is used from two places, and tells of it; answers the error. */
async function revoked(services: Services, hash: string, credential: Credential, why: string): Promise<GantryError> {
  const { account, instance_id, key_thumbprint } = credential;
  const instance = await getInstance(services.db, account, instance_id);
  refuseEnded(instance, hash, instance_id);
  if (instance === null) return reused(instance_id, why);
  const at = nowIso(services);
  await transact(services.db, [
    endCredential(instance, 'credential_reused', at),
    createEvent({
      type: 'gantry.instance.credential_reused',
      account,
      subject: `instance/${instance_id}`,
      actor: `instance:${instance_id}`,
      at,
      data: { why, key_thumbprint },
    }),
  ]);
  return reused(instance_id, why);
}

function reused(id: string, why: string): GantryError {
  return new GantryError(
    'credential_reused',
    `the credential of instance ${id} was used from two places (${why}); it is revoked, enrol again with a new join token`,
  );
}

/** The key behind the proof of an enrolment, which comes before there is a credential. The proof is spent. */
export async function provenKey(services: Services, call: Omit<AgentCall, 'credential'>): Promise<string> {
  const now = services.now();
  const { thumbprint, jti } = await checkProof(call.proof, { htm: call.htm, htu: call.htu, now });
  await spendProof(services.db, thumbprint, jti, now);
  return thumbprint;
}
