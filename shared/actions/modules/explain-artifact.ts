import { cureOf } from '../../base/cures.ts';
import { versionId } from '../../base/ids.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { Version } from '../../domain/modules/index.ts';
import { isTag, readTag, versionName } from '../../domain/modules/index.ts';
import type { Repository, Tag, UnreadableTag } from '../../domain/poll/index.ts';
import type { Reverification } from '../../domain/reverify/index.ts';
import { eachCandidate, getCandidate } from '../../store/candidates/index.ts';
import { getVersion } from '../../store/modules/index.ts';
import { getRepository, getTag, getUnreadableTag } from '../../store/poll/index.ts';
import type { Db } from '../../store/table/index.ts';
import { findNameOwner } from '../../store/unique.ts';
import type { Services } from '../context/index.ts';
import { requireModule } from './require-module.ts';

/** The facts about one artifact of a module, and the reason for its state. */
export interface ArtifactExplanation {
  version: Version | null;
  /** Null if the artifact was never found in the repository. */
  candidate: Candidate | null;
  /** The tag that was asked for, if one was and it is known. */
  tag: Tag | null;
  /** The tag, or the one of the version, if the registry lists it and does not return it. */
  unreadable: UnreadableTag | null;
  poll: Repository | null;
  reason: Reason;
}

interface Reason {
  /** A code of error-codes.ts; null if nothing is wrong. */
  code: string | null;
  message: string;
  cure: string | null;
}

/**
 * Explains the state of an artifact: a version, a candidate that waits or was refused, or an
 * artifact that was never a candidate.
 * @param ref a tag, a version, `sha256:<hex>` or `ver_<hex>`, of the module
 * @throws GantryError `not_found` for a module that the account does not have
 */
export async function explainArtifact(
  services: Services,
  { account }: Caller,
  { module, ref }: { module: string; ref: string },
): Promise<ArtifactExplanation> {
  const { db } = services;
  const [, poll, tag, unreadable] = await Promise.all([
    requireModule(services, account, module),
    getRepository(db, account, module),
    isTag(ref) ? getTag(db, account, module, ref) : null,
    findUnreadable(db, account, module, ref),
  ]);

  const candidate = await findCandidate(db, { account, module, ref, tag });
  const version =
    candidate?.state === 'ingested' ? await getVersion(db, account, candidate.id) : null;

  const known = { version, candidate, tag, unreadable, poll };
  return { ...known, reason: reasonFor(known, ref) };
}

/** A version string is asked for by the tag with `v` as well. */
async function findUnreadable(
  db: Db,
  account: string,
  module: string,
  ref: string,
): Promise<UnreadableTag | null> {
  for (const tag of [ref, `v${ref}`].filter(isTag)) {
    const row = await getUnreadableTag(db, account, module, tag);
    if (row !== null) return row;
  }
  return null;
}

interface Wanted {
  account: string;
  module: string;
  ref: string;
  tag: Tag | null;
}

async function findCandidate(db: Db, wanted: Wanted): Promise<Candidate | null> {
  const { account, module, ref } = wanted;
  const id = await findId(db, wanted);
  if (id !== null) {
    const candidate = await getCandidate(db, account, id);
    return candidate?.module === module ? candidate : null;
  }

  // Several digests may have been pushed under one version string before one becomes the version.
  // Use the newest.
  for await (const listed of eachCandidate(db, account, module)) {
    if (listed.version_string === ref) return listed;
  }

  return null;
}

async function findId(db: Db, { account, module, ref, tag }: Wanted): Promise<string | null> {
  const digest = ref.startsWith('sha256:') ? ref : tag?.digest;
  if (digest !== undefined) return versionId(account, module, digest);
  if (ref.startsWith('ver_')) return ref;
  return findNameOwner(db, { account, kind: 'version', value: versionName(module, ref) });
}

type Known = Omit<ArtifactExplanation, 'reason'>;

/** Returns the reason for an artifact's state. `ref` has the form that `explainArtifact` takes. */
export function reasonFor(known: Known, ref: string): Reason {
  const { version, candidate, tag, unreadable, poll } = known;
  if (tag !== null && tag.moved_to !== null) {
    return refusedReason(
      'tag_moved',
      `expected tag ${tag.tag} at ${tag.digest}, found it at ${tag.moved_to}`,
    );
  }

  if (version !== null) return reasonForVersion(version, tag);
  if (candidate !== null) return reasonForCandidate(candidate);
  if (unreadable !== null) return refusedReason(unreadable.code, unreadableText(unreadable));
  if (poll !== null && poll.code !== null) return refusedReason(poll.code, poll.message ?? '');

  return reasonForAbsence(poll, ref);
}

function reasonForVersion(version: Version, tag: Tag | null): Reason {
  const { promotion_state: state, reverification: last } = version;
  if (last !== undefined && last.code !== null) {
    const standing = `it is a version, in state ${state}, and ${standings[last.outcome]}`;
    return refusedReason(last.code, `${standing}: ${last.message}`);
  }

  const missing = tag?.gone_at
    ? `; tag ${tag.tag} has been missing from the registry since ${tag.gone_at}`
    : '';
  return fine(`it is a version, in state ${state}${missing}`);
}

function reasonForCandidate({ code, message, state }: Candidate): Reason {
  if (code !== null) return refusedReason(code, message ?? '');
  return fine(state === 'verified' ? 'it is verified; ingest comes next' : 'verify comes next');
}

/** Returns why an artifact never was a candidate. */
function reasonForAbsence(poll: Repository | null, ref: string): Reason {
  const kind = isTag(ref) && !ref.startsWith('ver_') ? readTag(ref).kind : null;
  if (kind === 'signature')
    return fine('it is the tag of a signature, which is verified with its artifact');

  if (kind === 'digits') {
    return {
      code: null,
      message: `"${ref}" has digits alone: such a tag is a commit hash only if the registration says so`,
      cure: 'Register with `digit_commits`, or tag the artifact with a version, such as v1.2.3.',
    };
  }

  if (kind === 'ignored' || poll?.ignored_tags.includes(ref)) {
    return {
      code: null,
      message: `expected a tag that is a semantic version or a commit hash of 7 to 40 hex digits, found "${ref}": such tags are ignored`,
      cure: 'Tag the artifact with a version, such as v1.2.3.',
    };
  }

  if (poll !== null && poll.polled_at === null)
    return fine('its repository was not polled yet; the first poll comes next');
  const cut = poll?.list_cut ?? null;
  if (cut !== null) {
    return {
      code: null,
      message: `no tag that Gantry saw in the repository names it, and the list of tags is incomplete: ${cut}`,
      cure: 'Delete tags that no module needs, or register a repository of its own.',
    };
  }

  return {
    code: null,
    message: `no tag that Gantry saw in the repository names it; last polled ${poll?.polled_at ?? 'never'}`,
    cure: 'Push it with a version tag. `gantry module poll` polls immediately.',
  };
}

/** The standing of a version that failed its re-verification. */
const standings = {
  verified: 'verifies',
  unconfirmed: 'does not verify, which is not certain yet',
  held: 'waits for a reviewer before it is quarantined',
  quarantined: 'quarantined',
} as const satisfies Record<Reverification['outcome'], string>;

function fine(message: string): Reason {
  return { code: null, message, cure: null };
}

function unreadableText({ tag, message, next_look_at }: UnreadableTag): string {
  return `the registry lists tag ${tag} and does not return it: ${message}; retry at ${next_look_at}`;
}

function refusedReason(code: string, message: string): Reason {
  return { code, message, cure: cureOf(code) };
}
