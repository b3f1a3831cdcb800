import { type GantryError, isGantryError } from '../../base/error.ts';
import { versionId } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { type Candidate, unknownCandidate } from '../../domain/candidates/index.ts';
import { offeredVersionString, versionName } from '../../domain/modules/index.ts';
import {
  decideLook,
  leavesVersion,
  type Repository,
  refuseTag,
  type TagLook,
  type TagOutcome,
  type TagRows,
  type UnreadableTag,
} from '../../domain/poll/index.ts';
import { concernsOne, mayMeanAbsence, type RegistryClient } from '../../registry/index.ts';
import { getCandidate } from '../../store/candidates/index.ts';
import type { Cause } from '../../store/event-maker.ts';
import { getVersion, nameVersion, versionEvent } from '../../store/modules/index.ts';
import {
  getTag,
  holdRepository,
  putTag,
  putUnreadableTag,
  removeUnreadableTag,
  tagEvent,
} from '../../store/poll/index.ts';
import {
  attempt,
  raced,
  transact,
  transactUnlessRaced,
  type Write,
} from '../../store/table/index.ts';
import { findNameOwner, takeName } from '../../store/unique.ts';
import { candidateWrites, sendOn } from '../candidates/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { findIndexOf, forgetCredentials, retryAfterSeconds } from '../registries/index.ts';

const actor = 'gantry:poll';

/**
 * The response of a registry about a tag, which holds for every module in the repository. A refusal
 * concerns the tag alone: the registry may return others.
 */
interface Sight extends Pick<TagLook, 'digest' | 'seen_at'> {
  /** The digest of the index that has this one as a build, and whose tag begins this one. */
  index: string | null;
  refusal: GantryError | null;
}

/** Asks the registry which digest a tag names now. */
export type SeeTag = (tag: string) => Promise<Sight>;

/**
 * Asks about each tag of a repository once: modules that share the repository share the response,
 * or the error.
 */
export function seeTagsOnce(
  services: Services,
  client: RegistryClient,
  { account, path }: { account: string; path: string },
): SeeTag {
  const seen = new Map<string, Promise<Sight>>();
  let lost = 0;

  const see = async (tag: string): Promise<Sight> => {
    const seen_at = nowIso(services);
    try {
      const digest = await readDigest(client, path, tag);
      return { seen_at, digest, index: await findIndex(tag, digest), refusal: null };
    } catch (error) {
      const isLost = isGantryError(error, 'registry_timeout', 'registry_unreachable');
      if (isLost) lost += 1;
      const ofTag = isLost && lost <= limits.tagConnectionsLostMax;
      if (!ofTag && !concernsOne(error)) throw error;

      // The account may have new credentials by now.
      if (error.code === 'registry_unauthorized') forgetCredentials(services, account, client.host);
      return { seen_at, digest: null, index: null, refusal: error };
    }
  };

  const seeOnce = (tag: string) => {
    const sight = seen.get(tag) ?? see(tag);
    seen.set(tag, sight);
    return sight;
  };

  const findIndex = async (tag: string, build: string | null) =>
    build === null ? null : findIndexOf(client, path, { tag, build }, digestOf);
  const digestOf = async (tag: string) => (await seeOnce(tag)).digest;

  return seeOnce;
}

/**
 * Asks the registry which digest a tag names now, and records it for a module with its consequences
 * in one transaction. `decideLook` decides the consequences. A refusal is noted, and changes
 * nothing else.
 * @param about.before what is stored about earlier refusals of the tag; null without any
 * @returns whether the registry returned the tag, and when a refused one is asked for again
 */
export async function lookAtTag(
  services: Services,
  { row, see }: { row: Repository; see: SeeTag },
  about: { tag: string; listed: boolean; before: UnreadableTag | null },
): Promise<{ found: boolean; retryAt: string | null }> {
  const { tag, listed, before } = about;
  const { refusal, ...sight } = await see(tag);
  // A registry that lists the tag no more, and refuses it, says in its own way that it is deleted.
  if (refusal !== null && (listed || !mayMeanAbsence(refusal)))
    return { found: false, retryAt: await noteRefusal(services, row, about, refusal) };

  const outcome = await retryConflicts(() => recordLook(services, row, tag, sight), {
    attempts: limits.rowAttemptsMax,
    codes: ['conflict', 'already_exists'],
  });
  for (const { candidate, follows } of outcome?.moves ?? [])
    await sendOn(services, candidate, follows);

  if (before !== null) await attempt(services.db, removeUnreadableTag(before));
  return { found: sight.digest !== null, retryAt: null };
}

/** Notes a refusal, unless another poll did meanwhile. Returns when the tag is asked for again. */
async function noteRefusal(
  services: Services,
  row: Repository,
  known: { tag: string; before: UnreadableTag | null },
  error: GantryError,
): Promise<string> {
  const { code, message } = error;
  const refusal = { code, message, waitSeconds: retryAfterSeconds(error), random: Math.random() };
  const next = refuseTag(row, known, refusal, services.now());

  const cause = { actor, at: nowIso(services) };
  const data = { code, message: next.message };
  const first = next.failures === 1 ? [tagEvent(next, cause, 'unreadable', data)] : [];
  const writes = [holdRepository(row), putUnreadableTag(known.before, next), ...first];
  await transactUnlessRaced(services.db, writes);

  return next.next_look_at;
}

async function readDigest(
  client: RegistryClient,
  path: string,
  tag: string,
): Promise<string | null> {
  try {
    return (await client.headManifest(path, tag)).claimedDigest;
  } catch (error) {
    // A tag list may be old or incomplete. Only this response proves that the tag was deleted.
    if (isGantryError(error, 'registry_not_found')) return null;
    throw error;
  }
}

/** Records a look while the module is still polled there: an archived or deleted one is not. */
async function recordLook(
  services: Services,
  repository: Repository,
  tag: string,
  sight: Omit<Sight, 'refusal'>,
): Promise<TagOutcome | null> {
  const look = await readLook(services, repository, tag, sight);
  const rows = await readRows(services, look);
  const outcome = decideLook(look, rows, services.now());
  if (outcome === null) return null;

  const writes = lookWrites(outcome, { actor, at: nowIso(services) });
  await transact(services.db, [holdRepository(repository), ...writes]);
  return outcome;
}

/** A build's tag is one of its index, unless the build was ingested as a version of its own. */
async function readLook(
  { db }: Services,
  { account, module }: Repository,
  tag: string,
  { index, ...sight }: Omit<Sight, 'refusal'>,
): Promise<TagLook> {
  const look = { account, module, tag, ...sight, build: null };
  if (index === null || sight.digest === null) return look;

  const own = await getCandidate(db, account, versionId(account, module, sight.digest));
  return own?.state === 'ingested' ? look : { ...look, digest: index, build: sight.digest };
}

async function readRows(services: Services, look: TagLook): Promise<TagRows> {
  const { db } = services;
  const { account, module, tag, digest } = look;
  const before = await getTag(db, account, module, tag);
  const leaving =
    before === null || before.digest === digest
      ? null
      : await getCandidate(db, account, versionId(account, module, before.digest));
  if (digest === null || (before !== null && leavesVersion(before, digest, { leaving })))
    return { before, leaving, named: null, version: null };

  const id = versionId(account, module, digest);
  const named =
    (await getCandidate(db, account, id)) ?? unknownCandidate({ account, module, id, digest });
  const version = named.tags.includes(tag) ? null : await readVersion(services, named, tag);

  return { before, leaving, named, version };
}

/** The version that the candidate became, with the version string that the tag gives it. */
async function readVersion(
  { db }: Services,
  { account, module, id, state }: Candidate,
  tag: string,
): Promise<TagRows['version']> {
  const row = state === 'ingested' ? await getVersion(db, account, id) : null;
  if (row === null) return null;

  const offered = offeredVersionString(row, tag);
  const free =
    offered !== null &&
    (await findNameOwner(db, { account, kind: 'version', value: versionName(module, offered) })) ===
      null;

  return { row, version_string: free ? offered : row.version_string };
}

function lookWrites({ was, tag, event, moves, version }: TagOutcome, cause: Cause): Write[] {
  return [
    putTag(was, tag),
    ...(event === null ? [] : [tagEvent(tag, cause, ...event)]),
    ...moves.flatMap(({ candidate, follows }) => candidateWrites(candidate, follows, cause)),
    ...(version === null ? [] : versionWrites(version, tag.tag, cause)),
  ];
}

function versionWrites(
  { row, version_string: to }: NonNullable<TagRows['version']>,
  tag: string,
  cause: Cause,
): Write[] {
  const { account, module, id, digest, version_string: from } = row;
  const tags = [...row.tags, tag];
  if (to === from) return [nameVersion(row, tags, to)];

  return [
    nameVersion(row, tags, to),
    takeName({ account, kind: 'version', value: versionName(module, to), owner: id }, raced),
    versionEvent(row, cause, 'named', { digest, from, to }),
  ];
}
