import { sha256Hex, versionId } from '../contract/ids.ts';
import type { PollMessage } from '../contract/messages.ts';
import type { Candidate, Repository, Tag } from '../domain/version.ts';
import { readTag } from '../domain/version-string.ts';
import { GantryError, isGantryError } from '../error.ts';
import { limits } from '../limits.ts';
import type { RegistryClient } from '../registry/index.ts';
import { createCandidate, dueCandidates, getCandidate, updateCandidate } from '../store/candidate.ts';
import { transact, type Write } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import {
  claimRepository,
  dueRepositories,
  getRepository,
  listTags,
  putTag,
  setRepository,
} from '../store/repository.ts';
import { registryFor } from './registry-access.ts';
import { enqueue, later, nowIso, type Services } from './services.ts';

/**
 * Hands out what is due: repositories to the poll queue, candidates that wait for a signature to the verify queue.
 * Each is claimed first, so that two schedulers at once hand it out once.
 */
export async function schedulePolls(services: Services): Promise<{ polls: number; verifications: number }> {
  const now = nowIso(services);
  const due = await dueRepositories(services.db, now, limits.pollsPerRun);
  const claimed: PollMessage[] = [];
  for (const repository of due) {
    const until = later(services, limits.pollClaimSeconds);
    if (await claimRepository(services.db, repository, until)) {
      claimed.push({ account: repository.account, module: repository.module });
    }
  }
  await enqueue(services, 'poll', claimed);
  const waiting = await dueCandidates(services.db, now, limits.pollsPerRun);
  await enqueue(
    services,
    'verify',
    waiting.map(({ account, module, id }) => ({ account, module, version_id: id })),
  );
  return { polls: claimed.length, verifications: waiting.length };
}

/** Reads one module's repository: new digests become candidates, moved tags are noted, failures back off. */
export async function pollRepository(services: Services, message: PollMessage): Promise<void> {
  const repository = await getRepository(services.db, message.account, message.module);
  if (repository === null) return;
  try {
    const outcome = await readRepository(services, repository, message.recheck ?? false);
    await setRepository(services.db, repository, {
      ...outcome,
      polled_at: nowIso(services),
      failures: 0,
      code: null,
      message: null,
    });
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    await noteFailure(services, repository, error);
  }
}

async function noteFailure(services: Services, repository: Repository, error: GantryError): Promise<void> {
  const failures = repository.failures + 1;
  const asked = (error.details as { retry_after_s?: number } | undefined)?.retry_after_s ?? 0;
  const backoff = Math.min(limits.pollSeconds * 2 ** Math.min(failures, 16), limits.pollFailureMaxSeconds);
  // Jitter: repositories of one registry that failed together must not come back together.
  const wait = Math.max(asked, backoff * (0.5 + Math.random() / 2));
  await setRepository(services.db, repository, {
    next_poll_at: later(services, wait),
    polled_at: nowIso(services),
    failures,
    code: error.code,
    message: error.message,
    tags_hash: null,
  });
  if (repository.failures === 0) {
    await transact(services.db, [
      createEvent({
        type: 'gantry.repository.failed',
        account: repository.account,
        subject: `module/${repository.module}`,
        actor: 'gantry:poll',
        at: nowIso(services),
        data: { code: error.code, message: error.message },
      }),
    ]);
  }
}

type Outcome = Pick<Repository, 'tags_hash' | 'ignored_tags' | 'recheck_at' | 'next_poll_at'>;

async function readRepository(services: Services, row: Repository, recheck: boolean): Promise<Outcome> {
  const { client, reference } = await registryFor(services, row.account, row.repository);
  const { tags } = await client.listTags(reference.repository);
  // Sorted: some registries page in an order of their own.
  const tags_hash = sha256Hex(JSON.stringify([...tags].sort()));
  const ignored_tags = tags.filter((tag) => readTag(tag).kind === 'ignored');
  const next_poll_at = later(services, limits.pollSeconds);
  if (!recheck && tags_hash === row.tags_hash && row.recheck_at > nowIso(services)) {
    return { tags_hash, ignored_tags, recheck_at: row.recheck_at, next_poll_at };
  }
  const known = new Map((await listTags(services.db, row.account, row.module)).map((tag) => [tag.tag, tag]));
  const versions = new Set(tags.filter((tag) => ['version', 'commit'].includes(readTag(tag).kind)));

  const fresh = [...versions].filter((tag) => !known.has(tag));
  for (const tag of fresh.slice(0, limits.freshTagsMax)) {
    await seeTag(services, row, client, reference.repository, tag, undefined);
  }
  if (fresh.length > limits.freshTagsMax) {
    return { tags_hash: null, ignored_tags, recheck_at: row.recheck_at, next_poll_at: nowIso(services) };
  }
  const recheck_at = await recheckTags(
    services,
    row,
    client,
    reference.repository,
    [...known.values()],
    versions,
    recheck,
  );
  return { tags_hash, ignored_tags, recheck_at, next_poll_at };
}

/** Looks at the known tags whose last look is oldest; answers when the next are due. */
async function recheckTags(
  services: Services,
  row: Repository,
  client: RegistryClient,
  repository: string,
  known: Tag[],
  listed: ReadonlySet<string>,
  all: boolean,
): Promise<string> {
  const age = all ? 0 : limits.tagRecheckSeconds;
  const before = new Date(services.now().getTime() - age * 1000).toISOString();
  const stale = known
    .filter(({ tag, checked_at }) => checked_at < before && listed.has(tag))
    .sort((a, b) => (a.checked_at < b.checked_at ? -1 : 1));
  for (const tag of stale.slice(0, limits.tagRechecksMax)) {
    await seeTag(services, row, client, repository, tag.tag, tag);
  }
  const more = stale.length > limits.tagRechecksMax;
  return later(services, more ? limits.pollSeconds : limits.tagRecheckSeconds / 4);
}

/**
 * Asks what a tag names now, and records it with all that follows from it in one transaction. A tag that leaves the
 * digest of an ingested version never changes that version: it raises `tag_moved`, and the new digest is not taken up. A
 * tag that leaves a digest which never became a version (unsigned, refused) simply names another candidate.
 */
async function seeTag(
  services: Services,
  row: Repository,
  client: RegistryClient,
  repository: string,
  tag: string,
  before: Tag | undefined,
): Promise<void> {
  const head = await headTag(client, repository, tag);
  if (head === null) return;
  const { account, module } = row;
  const at = nowIso(services);
  const writes: Write[] = [];
  const left = before === undefined || before.digest === head ? null : before.digest;
  const pinned = left === null ? null : await getCandidate(services.db, account, versionId(account, module, left));
  const moved = pinned?.state === 'ingested';
  const digest = moved ? pinned.digest : head;
  writes.push(putTag({ account, module, tag, digest, checked_at: at, moved_to: moved ? head : null }));
  if (moved && before?.moved_to !== head) {
    writes.push(
      createEvent({
        type: 'gantry.tag.moved',
        account,
        subject: `module/${module}`,
        actor: 'gantry:poll',
        at,
        data: { code: 'tag_moved', tag, from: digest, to: head },
      }),
    );
  }
  const candidate = moved ? null : await candidateFor(services, row, head, tag, writes);
  await transact(services.db, writes);
  if (candidate !== null) await enqueue(services, 'verify', [{ account, module, version_id: candidate }]);
}

async function headTag(client: RegistryClient, repository: string, tag: string): Promise<string | null> {
  try {
    return (await client.headManifest(repository, tag)).claimedDigest;
  } catch (error) {
    // The tag went away between the list and now.
    if (isGantryError(error, 'registry_not_found')) return null;
    throw error;
  }
}

/** The writes that make or extend a candidate; answers its id when it is to be verified. */
async function candidateFor(
  services: Services,
  row: Repository,
  digest: string,
  tag: string,
  writes: Write[],
): Promise<string | null> {
  const { account, module } = row;
  const id = versionId(account, module, digest);
  const at = nowIso(services);
  const existing = await getCandidate(services.db, account, id);
  const meaning = readTag(tag);
  if (meaning.kind !== 'version' && meaning.kind !== 'commit') return null;
  if (existing !== null) {
    if (existing.tags.includes(tag)) return existing.state === 'found' ? id : null;
    // A semver tag names what a commit hash named before, as long as nothing was ingested under that name.
    const renames = meaning.kind === 'version' && existing.version_string.startsWith('0.0.0+git.');
    const version_string = renames && existing.state !== 'ingested' ? meaning.version_string : existing.version_string;
    writes.push(updateCandidate(existing, { tags: [...existing.tags, tag], version_string, updated_at: at }));
    return existing.state === 'found' ? id : null;
  }
  const candidate: Candidate = {
    account,
    module,
    id,
    digest,
    tags: [tag],
    version_string: meaning.version_string,
    state: 'found',
    code: null,
    message: null,
    signatures: [],
    evidence_key: null,
    // The message below asks at once; this asks again should it be lost.
    next_verify_at: later(services, limits.verifyRetryMinSeconds),
    attempts: 0,
    found_at: at,
    updated_at: at,
  };
  writes.push(
    createCandidate(candidate),
    createEvent({
      type: 'gantry.candidate.found',
      account,
      subject: `version/${id}`,
      actor: 'gantry:poll',
      at,
      data: { module, digest, tag },
    }),
  );
  return id;
}
