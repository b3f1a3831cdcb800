import { isGantryError } from '../../base/error.ts';
import { versionId } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import { isCommitName, mayBeVersion, readTag, versionName } from '../../domain/modules/index.ts';
import type { Repository, Tag } from '../../domain/poll/index.ts';
import type { RegistryClient } from '../../registry/index.ts';
import { createCandidate, getCandidate, updateCandidate } from '../../store/candidates/index.ts';
import { raced, transact, type Write } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { getVersion, nameVersion } from '../../store/modules/index.ts';
import { getTag, putTag } from '../../store/poll/index.ts';
import { nameOwner, takeName } from '../../store/unique.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';

/** Looks recorded again after another worker changed the rows; each time that worker got on. */
const attemptsMax = 20;

/**
 * Asks what a tag names now, and records it with all that follows from it in one transaction. A tag that leaves the
 * digest of an ingested version never changes that version: it raises `tag_moved`, and the new digest is not taken up. A
 * tag that leaves a digest which never became a version (unsigned, refused, on its way) names another candidate from then
 * on. A tag that is gone raises `gantry.tag.deleted`. A candidate that its last tag left, either way, is refused.
 * @returns whether the registry has the tag
 */
export async function seeTag(
  services: Services,
  row: Repository,
  client: RegistryClient,
  repository: string,
  tag: string,
): Promise<boolean> {
  const seenAt = nowIso(services);
  const digest = await headTag(client, repository, tag);
  for (let left = attemptsMax; ; left--) {
    try {
      if (digest === null) {
        await recordDeletion(services, row, { tag, seenAt });
        return false;
      }
      const id = await record(services, row, { tag, digest, seenAt });
      if (id !== null)
        await enqueue(services, 'verify', [
          { account: row.account, module: row.module, version_id: id },
        ]);
      return true;
    } catch (error) {
      if (!isGantryError(error, 'conflict', 'already_exists') || left === 1) throw error;
    }
  }
}

interface Look {
  tag: string;
  digest: string;
  seenAt: string;
}

async function headTag(
  client: RegistryClient,
  repository: string,
  tag: string,
): Promise<string | null> {
  try {
    return (await client.headManifest(repository, tag)).claimedDigest;
  } catch (error) {
    // What a list says may be old or cut short; only this says that the tag is gone.
    if (isGantryError(error, 'registry_not_found')) return null;
    throw error;
  }
}

/** Answers the id of the candidate that is to be verified, if any. */
async function record(services: Services, row: Repository, look: Look): Promise<string | null> {
  const { account, module } = row;
  const { tag, digest, seenAt } = look;
  const before = await getTag(services.db, account, module, tag);
  if (before !== null && before.checked_at > seenAt) return null;
  const left = before?.digest === digest ? null : before;
  const leaving =
    left && (await getCandidate(services.db, account, versionId(account, module, left.digest)));
  if (left !== null && leaving?.state === 'ingested') {
    await recordMove(services, left, look);
    return null;
  }
  const present = {
    account,
    module,
    tag,
    digest,
    checked_at: seenAt,
    moved_to: null,
    gone_at: null,
  };
  const writes = [putTag(before, present)];
  if (leaving)
    writes.push(...leaveCandidate(services, leaving, tag, 'tag_moved', `names ${digest} now`));
  const id = await nameCandidate(services, row, look, writes);
  await transact(services.db, writes);
  return id;
}

async function recordMove(
  services: Services,
  before: Tag,
  { tag, digest, seenAt }: Look,
): Promise<void> {
  const writes = [
    putTag(before, { ...before, checked_at: seenAt, moved_to: digest, gone_at: null }),
  ];
  if (before.moved_to !== digest) {
    writes.push(
      createEvent({
        type: 'gantry.tag.moved',
        account: before.account,
        subject: `module/${before.module}`,
        actor: 'gantry:poll',
        at: seenAt,
        data: { code: 'tag_moved', tag, from: before.digest, to: digest },
      }),
    );
  }
  await transact(services.db, writes);
}

async function recordDeletion(
  services: Services,
  row: Repository,
  look: Omit<Look, 'digest'>,
): Promise<void> {
  const { account, module } = row;
  const { tag, seenAt } = look;
  const before = await getTag(services.db, account, module, tag);
  if (before === null || before.gone_at !== null || before.checked_at > seenAt) return;
  const leaving = await getCandidate(
    services.db,
    account,
    versionId(account, module, before.digest),
  );
  const writes = [
    putTag(before, { ...before, checked_at: seenAt, gone_at: seenAt }),
    createEvent({
      type: 'gantry.tag.deleted',
      account,
      subject: `module/${module}`,
      actor: 'gantry:poll',
      at: seenAt,
      data: { tag, digest: before.digest },
    }),
  ];
  if (leaving !== null && leaving.state !== 'ingested') {
    writes.push(
      ...leaveCandidate(services, leaving, tag, 'tag_deleted', 'is gone from the registry'),
    );
  }
  await transact(services.db, writes);
}

/** The writes for a digest that a tag does not name any more before it became a version. */
function leaveCandidate(
  services: Services,
  candidate: Candidate,
  tag: string,
  code: 'tag_moved' | 'tag_deleted',
  found: string,
): Write[] {
  // Left before, when the tag was gone.
  if (!candidate.tags.includes(tag)) return [];
  const { account, module, id } = candidate;
  const at = nowIso(services);
  const tags = candidate.tags.filter((name) => name !== tag);
  if (tags.length > 0) {
    return [updateCandidate(candidate, { tags, version_string: nameOf(tags), updated_at: at })];
  }
  const message = `expected a tag that names ${candidate.digest}; its last one, ${tag}, ${found}`;
  return [
    updateCandidate(candidate, {
      tags,
      state: 'rejected',
      code,
      message,
      next_verify_at: null,
      updated_at: at,
    }),
    createEvent({
      type: 'gantry.candidate.rejected',
      account,
      subject: `version/${id}`,
      actor: 'gantry:poll',
      at,
      data: { module, digest: candidate.digest, code, message },
    }),
  ];
}

/** Adds the writes that make or extend a candidate; answers its id when it is to be verified. */
async function nameCandidate(
  services: Services,
  row: Repository,
  { tag, digest }: Look,
  writes: Write[],
): Promise<string | null> {
  const { account, module } = row;
  const id = versionId(account, module, digest);
  const at = nowIso(services);
  const existing = await getCandidate(services.db, account, id);
  if (existing === null) {
    writes.push(...newCandidate(services, { account, module, id, digest }, tag));
    return id;
  }
  const known = existing.tags.includes(tag) || existing.tags.length >= limits.tagsPerDigestMax;
  if (!known) {
    const tags = [...existing.tags, tag];
    if (existing.state === 'ingested')
      writes.push(...(await nameIngested(services, existing, tag)));
    // Its last tag had left it, and has come back.
    else if (existing.tags.length === 0)
      writes.push(updateCandidate(existing, { ...asFound(services, tag) }));
    else
      writes.push(
        updateCandidate(existing, { tags, version_string: nameOf(tags), updated_at: at }),
      );
  }
  return existing.state === 'found' || existing.tags.length === 0 ? id : null;
}

/** A further tag of a version: an alias, or the semver name of one that only a commit has named so far. */
async function nameIngested(
  services: Services,
  candidate: Candidate,
  tag: string,
): Promise<Write[]> {
  const { account, module, id } = candidate;
  const at = nowIso(services);
  const tags = [...candidate.tags, tag];
  const version = await getVersion(services.db, account, id);
  if (version === null) return [];
  const meaning = readTag(tag);
  const free =
    meaning.kind === 'version' &&
    version.promotion_state === 'built' &&
    isCommitName(version.version_string) &&
    (version.labels === null || mayBeVersion(version.labels.version, meaning.version_string)) &&
    (await nameOwner(
      services.db,
      account,
      'version',
      versionName(module, meaning.version_string),
    )) === null;
  const version_string = free ? meaning.version_string : version.version_string;
  const writes = [
    updateCandidate(candidate, { tags, version_string, updated_at: at }),
    nameVersion(version, tags, version_string),
  ];
  if (!free) return writes;
  return [
    ...writes,
    takeName(account, 'version', versionName(module, version_string), id, raced),
    createEvent({
      type: 'gantry.version.named',
      account,
      subject: `version/${id}`,
      actor: 'gantry:poll',
      at,
      data: { module, digest: version.digest, from: version.version_string, to: version_string },
    }),
  ];
}

/** The version that tags give, first seen first: the first semver tag's, else the first commit's. */
function nameOf(tags: string[]): string {
  const meanings = tags.map(readTag);
  const named =
    meanings.find(({ kind }) => kind === 'version') ??
    meanings.find(({ kind }) => kind === 'commit');
  return named !== undefined && 'version_string' in named ? named.version_string : '';
}

/** As a digest is that was found just now; one whose last tag had left it has its 24 hours again. */
function asFound(services: Services, tag: string) {
  const at = nowIso(services);
  return {
    tags: [tag],
    version_string: nameOf([tag]),
    state: 'found' as const,
    code: null,
    message: null,
    attempts: 0,
    // The message that follows asks at once; this asks again should it be lost.
    next_verify_at: later(services, limits.verifyRetryMinSeconds),
    found_at: at,
    updated_at: at,
  };
}

const unjudged = {
  signatures: [],
  evidence_key: null,
  policy_version: null,
  trust_root_version: null,
};

type Identity = Pick<Candidate, 'account' | 'module' | 'id' | 'digest'>;

function newCandidate(services: Services, identity: Identity, tag: string): Write[] {
  const { account, module, id, digest } = identity;
  const at = nowIso(services);
  return [
    createCandidate({ ...identity, ...asFound(services, tag), ...unjudged }),
    createEvent({
      type: 'gantry.candidate.found',
      account,
      subject: `version/${id}`,
      actor: 'gantry:poll',
      at,
      data: { module, digest, tag },
    }),
  ];
}
