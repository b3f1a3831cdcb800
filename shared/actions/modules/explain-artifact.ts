import { cureOf } from '../../base/cures.ts';
import { versionId } from '../../base/ids.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { Version } from '../../domain/modules/index.ts';
import { isTag, readTag, versionName } from '../../domain/modules/index.ts';
import type { Repository, Tag } from '../../domain/poll/index.ts';
import type { Reverification } from '../../domain/reverify/index.ts';
import { eachCandidate, getCandidate } from '../../store/candidates/index.ts';
import type { Db } from '../../store/db.ts';
import { getVersion } from '../../store/modules/index.ts';
import { getRepository, getTag } from '../../store/poll/index.ts';
import { nameOwner } from '../../store/unique.ts';
import type { Services } from '../context/index.ts';
import { requireModule } from './require-module.ts';

/** What Gantry knows of one artifact of a module, and why it is where it is. */
export interface ArtifactExplanation {
  version: Version | null;
  /** Null for what was never found in the repository. */
  candidate: Candidate | null;
  /** The tag that was asked for, if one was and it is known. */
  tag: Tag | null;
  poll: Repository | null;
  reason: Reason;
}

interface Reason {
  /** A code of error-codes.ts; null where nothing is wrong. */
  code: string | null;
  message: string;
  cure: string | null;
}

/**
 * Explains what became of an artifact: a version, a candidate that waits or was refused, or something never taken up.
 * @param ref a tag, a version, `sha256:<hex>` or `ver_<hex>`, of the module
 * @throws GantryError `not_found` for a module that the account does not have
 */
export async function explainArtifact(
  services: Services,
  { account }: Caller,
  { module, ref }: { module: string; ref: string },
): Promise<ArtifactExplanation> {
  const { db } = services;
  const [, poll, tag] = await Promise.all([
    requireModule(services, account, module),
    getRepository(db, account, module),
    isTag(ref) ? getTag(db, account, module, ref) : null,
  ]);
  const candidate = await candidateNamed(db, account, module, ref, tag);
  const version =
    candidate?.state === 'ingested' ? await getVersion(db, account, candidate.id) : null;
  return {
    version,
    candidate,
    tag,
    poll,
    reason: reasonFor({ version, candidate, tag, poll }, ref),
  };
}

async function candidateNamed(
  db: Db,
  account: string,
  module: string,
  ref: string,
  tag: Tag | null,
): Promise<Candidate | null> {
  const digest = ref.startsWith('sha256:') ? ref : tag?.digest;
  const id =
    digest !== undefined
      ? versionId(account, module, digest)
      : ref.startsWith('ver_')
        ? ref
        : await nameOwner(db, account, 'version', versionName(module, ref));
  if (id !== null) {
    const candidate = await getCandidate(db, account, id);
    return candidate?.module === module ? candidate : null;
  }
  // Of several that were pushed under a version before one of them is it, the newest.
  for await (const candidate of eachCandidate(db, account, module)) {
    if (candidate.version_string === ref) return candidate;
  }
  return null;
}

/** Why what is known of an artifact is as it is, as a sentence; `ref` as `explainArtifact` takes it. */
export function reasonFor(known: Omit<ArtifactExplanation, 'reason'>, ref: string): Reason {
  const { version, candidate, tag, poll } = known;
  if (tag !== null && tag.moved_to !== null) {
    return refused(
      'tag_moved',
      `expected tag ${tag.tag} at ${tag.digest}, found it at ${tag.moved_to}`,
    );
  }
  if (version !== null) {
    const { promotion_state: state, reverification: last } = version;
    if (last !== undefined && last.code !== null) {
      return refused(
        last.code,
        `it is a version, in state ${state}, and ${standing[last.outcome]}: ${last.message}`,
      );
    }
    const gone = tag?.gone_at
      ? `; the registry does not have tag ${tag.tag} since ${tag.gone_at}`
      : '';
    return fine(`it is a version, in state ${state}${gone}`);
  }
  if (candidate !== null) {
    if (candidate.code !== null) return refused(candidate.code, candidate.message ?? '');
    return fine(
      candidate.state === 'verified'
        ? 'it is verified, and about to be ingested'
        : 'it is about to be verified',
    );
  }
  if (poll?.code) return refused(poll.code, poll.message ?? '');
  const { kind } = readTag(ref);
  if (isTag(ref) && kind === 'signature')
    return fine('it is the tag of a signature: judged with the artifact it is for');
  const listed = poll?.ignored_tags.includes(ref) ?? false;
  if (listed || (isTag(ref) && kind === 'ignored' && !ref.startsWith('ver_'))) {
    return {
      code: null,
      message: `expected a tag that is a semantic version or a full commit hash, found "${ref}": such tags are ignored`,
      cure: 'Tag the artifact with a version, such as v1.2.3.',
    };
  }
  if (poll !== null && poll.polled_at === null)
    return fine('its repository was not polled yet; that is about to happen');
  return {
    code: null,
    message: `no tag that Gantry saw in the repository names it; last polled ${poll?.polled_at ?? 'never'}`,
    cure: 'Push it with a version tag. `gantry module poll` polls immediately.',
  };
}

/** How a version stands that did not verify when it was judged again. */
const standing = {
  verified: 'verifies',
  unconfirmed: 'does not verify, which is not certain yet',
  held: 'is to be quarantined once a person agrees',
  quarantined: 'quarantined',
} as const satisfies Record<Reverification['outcome'], string>;

const fine = (message: string): Reason => ({ code: null, message, cure: null });
const refused = (code: string, message: string): Reason => ({ code, message, cure: cureOf(code) });
