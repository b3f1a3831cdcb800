import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { VerifiedDesiredState } from '../../shared/director/index.ts';
import type { Agent } from '../agent.ts';
import { toGantryError } from '../failure.ts';
import { readIfPresent, writeAtomic } from '../files.ts';
import { keepSealingKey } from '../keys.ts';
import { type AgentSession, agentSession, readJson, writeJson } from '../state.ts';
import { agentVersion } from '../version.ts';
import { directorKeysOf, followAccountRoot, verifyByAnyRoot } from './account-roots.ts';
import { type HeldDesiredState, isRefusal, requireUsualLife, verifyBy } from './desired-state.ts';
import { discardBody, readBody, readProblem, request } from './http.ts';

/** The result of one request for the desired state. */
export type Received =
  /** The saved bytes are still valid. */
  | { kind: 'same'; held: HeldDesiredState }
  /** New bytes, verified and kept. */
  | { kind: 'new'; held: HeldDesiredState }
  | NotReceived;

export type NotReceived =
  /** The desired state must not be applied, or this machine failed to save it. */
  | { kind: 'refused'; error: GantryError }
  /** The control plane or its bucket did not serve it. */
  | { kind: 'unreachable'; error: GantryError };

/**
 * Asks for the desired state by one conditional GET. A new desired state is verified before any
 * part of it is saved. Then its version is saved, so that no older one is accepted later, even if
 * the new one cannot be applied.
 */
export async function receiveDesiredState(agent: Agent): Promise<Received> {
  try {
    return await receive(agent);
  } catch (thrown) {
    const error = toGantryError(thrown, 'The desired state could not be received');
    const isLocal = isGantryError(error, 'io_error', 'internal');
    return isRefusal(error) || isLocal
      ? { kind: 'refused', error }
      : { kind: 'unreachable', error };
  }
}

async function receive(agent: Agent): Promise<Received> {
  const held = await readIfPresent(agent.paths.desiredState);
  const fetched = await fetchDesiredState(agent, held === undefined ? null : agent.state.etag);

  if (held !== undefined && (fetched === undefined || held.equals(fetched.bytes))) {
    const verified = verifyByAnyRoot(agent.roots, (root) => ({
      bytes: held,
      desired: verifyBy(root, held, agent),
      root,
    }));
    return { kind: 'same', held: verified };
  }

  if (fetched === undefined) {
    throw new GantryError(
      'unavailable',
      'The desired state could not be read: expected its bytes, found "not modified" though none are here.',
    );
  }

  const desired = await verifyNewest(fetched.bytes, agent);
  requireUsualLife(desired, agent.clock);

  await keep(agent, { ...fetched, desired });
  return { kind: 'new', held: { bytes: fetched.bytes, desired, root: agent.roots.trusted } };
}

async function keep(
  agent: Agent,
  received: { bytes: Buffer; etag: string | null; desired: VerifiedDesiredState },
): Promise<void> {
  await writeAtomic(agent.paths.desiredState, received.bytes);
  agent.state = {
    ...agent.state,
    seen_version: received.desired.version,
    seen_by: directorKeysOf(agent.roots.trusted),
    etag: received.etag,
  };

  await writeJson(agent.paths.state, agent.state);
}

/**
 * Unknown keys may be those of the account's next root, which the hourly heartbeat has not brought
 * yet.
 */
async function verifyNewest(bytes: Buffer, agent: Agent): Promise<VerifiedDesiredState> {
  const before = agent.roots.trusted;
  try {
    return verifyBy(before, bytes, agent);
  } catch (error) {
    if (!isGantryError(error, 'desired_state_signature_invalid')) throw error;

    await heartbeat(agent);
    if (agent.roots.trusted === before) throw error;
    return verifyBy(agent.roots.trusted, bytes, agent);
  }
}

/**
 * The new bytes; undefined when they are not modified. A refused URL is renewed once, because it
 * expires after an hour.
 */
async function fetchDesiredState(
  agent: Agent,
  etag: string | null,
): Promise<{ bytes: Buffer; etag: string | null } | undefined> {
  const init = etag === null ? {} : { headers: { 'if-none-match': etag } };
  let session = await currentSession(agent);

  for (let attempt = 0; ; attempt++) {
    const response = await request(session.desired_state_url, init);
    await agent.clock.learn(response.headers.get('date'));
    if (response.status === 304) {
      await discardBody(response);
      return undefined;
    }

    if (response.status === 200) {
      const bytes = await readBody(response, limits.directorMetadataBytesMax, 'The desired state');
      return { bytes, etag: response.headers.get('etag') };
    }

    if (attempt > 0 || response.status !== 403) {
      throw unreadError(response.status, await readProblem(response, 'The desired state'));
    }

    await discardBody(response);
    session = await heartbeat(agent);
  }
}

function unreadError(status: number, cause: GantryError): GantryError {
  const why =
    status === 404 ? 'there is none for this instance yet' : `expected status 200, found ${status}`;
  return new GantryError('unavailable', `The desired state could not be read: ${why}.`, {
    found: status,
    cause,
  });
}

async function currentSession(agent: Agent): Promise<AgentSession> {
  const saved = await readJson(agent.paths.session, agentSession).catch(() => undefined);
  if (saved === undefined) return heartbeat(agent);

  // This clock may be wrong. If the URL expired earlier, it is renewed after the refusal.
  const age = agent.now().getTime() - Date.parse(saved.asked_at);
  return age >= 0 && age < limits.agentHeartbeatMs ? saved : heartbeat(agent);
}

async function heartbeat(agent: Agent): Promise<AgentSession> {
  const { controlPlane, paths, now } = agent;
  const { desired_state_url, root_urls } = await controlPlane.heartbeat({
    root_version: agent.roots.trusted.signed.version,
    agent_version: agentVersion,
    sealing_key: await keepSealingKey(paths),
  });

  const session = { desired_state_url, asked_at: now().toISOString() };
  await writeJson(paths.session, session, 0o600);

  for (const url of root_urls) agent.roots = await followAccountRoot(agent.roots, url, paths);
  return session;
}
