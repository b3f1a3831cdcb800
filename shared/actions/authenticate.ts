import { sha256Hex } from '../contract/ids.ts';
import type { ApiToken, Caller, Member, Role } from '../domain/role.ts';
import { checkProof } from '../dpop/index.ts';
import { GantryError } from '../error.ts';
import { getMember, getToken } from '../store/account.ts';
import { getCredential, getInstance, spendProof } from '../store/instance.ts';
import type { Services } from './services.ts';

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
}

/**
 * Which machine an agent's call comes from: a known credential, and a fresh proof of the key that it is bound to
 * (RFC 9449, section 7.2). Fails with `unauthenticated`, `dpop_invalid`, `dpop_replayed` or `instance_decommissioned`.
 */
export async function authenticateAgent(services: Services, call: AgentCall): Promise<AgentCaller> {
  const hash = sha256Hex(call.credential);
  const credential = await getCredential(services.db, hash);
  if (credential === null) throw new GantryError('unauthenticated', 'expected a known agent credential');
  const { thumbprint, jti } = await checkProof(call.proof, {
    htm: call.htm,
    htu: call.htu,
    accessToken: call.credential,
    now: services.now(),
    expectedThumbprint: credential.key_thumbprint,
  });
  await spendProof(services.db, thumbprint, jti, services.now());
  const { account, instance_id } = credential;
  const instance = await getInstance(services.db, account, instance_id);
  // An instance that was enrolled again has another credential; the one before it ends then.
  if (instance === null || instance.credential_hash !== hash) {
    throw new GantryError('unauthenticated', 'expected the current credential of the instance, found an older one');
  }
  if (instance.state === 'decommissioned') {
    throw new GantryError('instance_decommissioned', `instance ${instance_id} is decommissioned`);
  }
  return { account, instance_id };
}

/** The key behind the proof of an enrolment, which comes before there is a credential. The proof is spent. */
export async function provenKey(services: Services, call: Omit<AgentCall, 'credential'>): Promise<string> {
  const now = services.now();
  const { thumbprint, jti } = await checkProof(call.proof, { htm: call.htm, htu: call.htu, now });
  await spendProof(services.db, thumbprint, jti, now);
  return thumbprint;
}
