import type { Metadata, Root } from '@tufjs/models';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { type VerifiedDesiredState, verifyDesiredState } from '../shared/director/index.ts';
import type { Clock } from './clock.ts';
import type { ControlPlane } from './control-plane.ts';
import { readIfPresent, writeAtomic } from './files.ts';
import { bytesOf, discard, problemOf, request } from './http.ts';
import type { AgentPaths } from './paths.ts';
import { byAnyRoot, directorOf, followRoot, type Roots } from './roots.ts';
import {
  type AgentConfig,
  type AgentSession,
  type AgentState,
  agentSession,
  readJson,
  writeJson,
} from './state.ts';
import { agentVersion } from './version.ts';

export interface DesiredContext {
  paths: AgentPaths;
  config: AgentConfig;
  controlPlane: ControlPlane;
  /** Replaced when a next root is verified. */
  roots: Roots;
  clock: Clock;
  state: AgentState;
  now: () => Date;
}

export interface HeldDesiredState {
  bytes: Buffer;
  desired: VerifiedDesiredState;
  /** Which signed it: the trusted one, unless it was verified here before that came. */
  root: Metadata<Root>;
}

/**
 * One conditional GET of the desired state. A new one is verified before anything of it is kept; then its version is noted,
 * so that no older one is ever accepted again, also when what it asks for turns out not to be applicable.
 * Fails with a `desired_state_…` code for what was served or held, `unavailable` when nothing could be read.
 */
export async function receiveDesiredState(context: DesiredContext): Promise<HeldDesiredState> {
  const held = await readIfPresent(context.paths.desiredState);
  const answer = await fetchDesiredState(context, held === undefined ? null : context.state.etag);
  if (held !== undefined && (answer === undefined || held.equals(answer.bytes))) {
    return byAnyRoot(context.roots, (root) => ({
      bytes: held,
      desired: verify(held, root, context),
      root,
    }));
  }
  if (answer === undefined)
    throw new GantryError('unavailable', 'Nothing was held, and "not modified" was the answer.');
  const desired = await verifyNewest(answer.bytes, context);
  requireUsualLife(desired, context.clock);
  await writeAtomic(context.paths.desiredState, answer.bytes);
  const { trusted } = context.roots;
  context.state = {
    ...context.state,
    seen_version: desired.version,
    seen_by: directorOf(trusted),
    etag: answer.etag,
  };
  await writeJson(context.paths.state, context.state);
  return { bytes: answer.bytes, desired, root: trusted };
}

/**
 * What was verified stays good until it expires, also when its director is rotated out: a thief of that key must not have had
 * it stay for ever. Judged by the control plane's time, since this machine's may be years behind.
 */
function requireUsualLife({ expires, version }: VerifiedDesiredState, clock: Clock): void {
  const latest = clock.server().getTime() + (limits.desiredStateDays + 1) * 86_400_000;
  if (expires.getTime() <= latest) return;
  throw new GantryError(
    'desired_state_invalid',
    `The desired state (version ${version}) expires at ${expires.toISOString()}; none is signed for more than ${limits.desiredStateDays} days.`,
    { expected: new Date(latest).toISOString(), found: expires.toISOString() },
  );
}

/** Signatures of unknown keys may be of the account's next root, which the hourly heartbeat has not brought yet. */
async function verifyNewest(bytes: Buffer, context: DesiredContext): Promise<VerifiedDesiredState> {
  const before = context.roots.trusted;
  try {
    return verify(bytes, before, context);
  } catch (error) {
    if (!isGantryError(error, 'desired_state_signature_invalid')) throw error;
    await heartbeat(context);
    if (context.roots.trusted === before) throw error;
    return verify(bytes, context.roots.trusted, context);
  }
}

/** Fails with `clock_skew` where only this machine's clock says that it expired: to be set, not to be believed either way. */
function verify(
  bytes: Buffer,
  root: Metadata<Root>,
  { config, state, clock }: DesiredContext,
): VerifiedDesiredState {
  const { account, instance } = config;
  const lastVersion = seenBy(root, state);
  const judge = (now: Date) =>
    verifyDesiredState(bytes, { root, account, instance, lastVersion, now });
  try {
    return judge(clock.latest());
  } catch (error) {
    if (
      !isGantryError(error, 'desired_state_expired') ||
      clock.skew === undefined ||
      clock.aheadMs < 0
    )
      throw error;
    judge(clock.server());
    throw new GantryError('clock_skew', error.message, { cause: error });
  }
}

/**
 * The highest version that was seen of a root's director. Another director's do not count: whoever had a key that was stolen
 * could else have used up all versions, and its rotation would mend nothing (TUF 1.0.34, section 5.3.11).
 */
export function seenBy(root: Metadata<Root>, { seen_by, seen_version }: AgentState): number {
  return seen_by === directorOf(root) ? seen_version : 0;
}

/**
 * Reads again what a generation was made of. Its age was judged when it was applied, and its version then too; whether it
 * is still the account's word for this machine is judged each time.
 */
export function verifyApplied(
  bytes: Buffer,
  { roots, config }: DesiredContext,
): Omit<HeldDesiredState, 'bytes'> {
  const { account, instance } = config;
  const rules = { account, instance, lastVersion: 0, now: new Date(0) };
  return byAnyRoot(roots, (root) => ({
    desired: verifyDesiredState(bytes, { ...rules, root }),
    root,
  }));
}

/** The new bytes, undefined when they are not modified. A refused URL is renewed once: it is good for an hour only. */
async function fetchDesiredState(
  context: DesiredContext,
  etag: string | null,
): Promise<{ bytes: Buffer; etag: string | null } | undefined> {
  let session = await currentSession(context);
  for (let attempt = 0; ; attempt++) {
    const answer = await request(
      session.desired_state_url,
      etag === null ? {} : { headers: { 'if-none-match': etag } },
    );
    await context.clock.learn(answer.headers.get('date'));
    if (answer.status === 304) {
      await discard(answer);
      return undefined;
    }
    if (answer.status === 200) {
      const bytes = await bytesOf(answer, limits.directorMetadataBytesMax, 'The desired state');
      return { bytes, etag: answer.headers.get('etag') };
    }
    if (attempt > 0 || answer.status !== 403)
      throw unread(answer.status, await problemOf(answer, 'The desired state'));
    await discard(answer);
    session = await heartbeat(context);
  }
}

function unread(status: number, cause: GantryError): GantryError {
  const why =
    status === 404 ? 'there is none for this instance yet' : `it was answered with ${status}`;
  return new GantryError('unavailable', `The desired state could not be read: ${why}.`, {
    found: status,
    cause,
  });
}

async function currentSession(context: DesiredContext): Promise<AgentSession> {
  const kept = await readJson(context.paths.session, agentSession).catch(() => undefined);
  const now = context.now().getTime();
  // By this clock alone, which need not be right: a URL that ran out all the same is renewed when it is refused.
  const usable =
    kept !== undefined &&
    now >= Date.parse(kept.asked_at) &&
    now < Date.parse(kept.asked_at) + limits.agentHeartbeatMs;
  return usable ? kept : await heartbeat(context);
}

async function heartbeat(context: DesiredContext): Promise<AgentSession> {
  const { controlPlane, paths, now } = context;
  const { desired_state_url, root_urls } = await controlPlane.heartbeat({
    root_version: context.roots.trusted.signed.version,
    agent_version: agentVersion,
  });
  const session = { desired_state_url, asked_at: now().toISOString() };
  await writeJson(paths.session, session, 0o600);
  for (const url of root_urls) context.roots = await followRoot(context.roots, url, paths);
  return session;
}

/** Whether an error says that what was served or held is not to be applied, rather than that something broke. */
export function isRefusal(error: unknown): error is GantryError {
  return isGantryError(
    error,
    'desired_state_signature_invalid',
    'desired_state_version_rollback',
    'desired_state_expired',
    'clock_skew',
    'desired_state_foreign',
    'desired_state_invalid',
    'root_untrusted',
    'layer_mismatch',
    'composition_mismatch',
    'signature_refused',
    'instance_metadata_missing',
  );
}
