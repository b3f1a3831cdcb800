import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { type Module, type Version, withheldFields } from '../../domain/modules/index.ts';
import {
  countsAsQuarantine,
  type QuarantineBudget,
  type ReverificationFacts,
  type ReverificationOutcome,
  reverificationOutcome,
} from '../../domain/reverify/index.ts';
import type {
  FoundSignature,
  SignatureVerdict,
  UnreadableReason,
} from '../../domain/signatures/index.ts';
import { findSignatures, isOutageCode } from '../../registry/index.ts';
import {
  getModule,
  getVersion,
  saveReverification,
  versionEvent,
} from '../../store/modules/index.ts';
import { refreshAge } from '../../store/objects.ts';
import { putQuarantineBudget } from '../../store/reverify/index.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { templateTracksUsing } from '../operations/index.ts';
import { BudgetSpent, withRegistry } from '../registries/index.ts';
import {
  type DatedVerification,
  readStoredSignatures,
  storeSignatures,
  verifiedArtifact,
  verifySignatures,
} from '../signatures/index.ts';
import { askToResume, countQuarantine } from './quarantine.ts';

/** The result of a re-verification. */
interface Findings {
  verification: DatedVerification;
  /**
   * The verified signatures, including new ones; null if the stored ones sufficed and nothing was
   * attested since, or none do.
   */
  found: FoundSignature[] | null;
  /**
   * Why the registry could not be asked for more signatures; null if it was asked, or this was not
   * necessary.
   */
  unreachable: UnreadableReason | null;
}

/**
 * Verifies a version again, by the present registration and trust root. The stored signatures are
 * verified first; only if those fail, the outcome depends on the registry. `reverificationOutcome`
 * decides the outcome. The registry is also asked for attestations that came later.
 * @param look records nothing about a version that verifies and has no new attestations
 * @returns the outcome, null when there is nothing to verify
 * @throws BudgetSpent when the registry's host has no room now
 */
export async function reverifyVersion(
  services: Services,
  { account, version_id, look = false }: { account: string; version_id: string; look?: boolean },
): Promise<ReverificationOutcome | null> {
  return retryConflicts(async () => {
    const version = await getVersion(services.db, account, version_id);
    const module = version && (await getModule(services.db, account, version.module));
    if (version === null || module === null || version.promotion_state === 'retired') return null;

    const findings = await verifyAgain(services, module, version);
    const facts = factsOf(version, findings);
    const budget = countsAsQuarantine(facts) ? await countQuarantine(services, account) : null;

    const { outcome, recorded } = reverificationOutcome(facts, budget);

    const unchanged = look && outcome === 'verified' && findings.found === null;
    if (!recorded || (unchanged && !version.quarantined)) return outcome;

    if (outcome === 'verified') await saveVerified(services, version, findings);
    else await saveUnverified(services, version, findings, { outcome, budget });
    if (outcome === 'held') await askToResume(services, account);
    return outcome;
  });
}

function factsOf(version: Version, { verification, unreachable }: Findings): ReverificationFacts {
  return {
    verified: verification.verdict.verified,
    certain: unreachable === null && verification.fresh,
    // What a person withholds says nothing about the signatures.
    quarantined: version.reverification?.outcome === 'quarantined',
    handedOut: version.promotion_state !== 'built',
  };
}

async function verifyAgain(
  services: Services,
  module: Module,
  version: Version,
): Promise<Findings> {
  const artifact = verifiedArtifact(version);
  const stored = await readStoredSignatures(services, version.stored_signatures_key);
  const verification = await verifySignatures(services, module, artifact, stored);
  if (verification.verdict.verified) {
    const found = await findLater(services, module, version, { stored, verification });
    return found ?? { verification, found: null, unreachable: null };
  }

  try {
    const { others, doubt } = await findOthers(services, module, version, stored);
    const found = [...stored, ...others];
    const again = await verifySignatures(services, module, artifact, found);

    return { verification: again, found, unreachable: again.verdict.verified ? null : doubt };
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    return { verification, found: null, unreachable: error };
  }
}

/**
 * The signatures beside an artifact that are not stored, and why the registry may have others: it
 * refused or failed on something that can hold one.
 */
async function findOthers(
  services: Services,
  { repository }: Module,
  version: Version,
  stored: FoundSignature[],
): Promise<{ others: FoundSignature[]; doubt: UnreadableReason | null }> {
  const { digest, builds } = verifiedArtifact(version);
  const { found, doubt } = await withRegistry(
    services,
    { account: version.account, repository, purpose: 'reverify' },
    ({ client, reference }) => findSignatures(client, reference.repository, digest, builds),
  );

  const failures = found.flatMap(({ unreadable = null }) => unreadable ?? []);
  const failed = failures.find(({ code }) => isOutageCode(code));
  const others = found.filter((one) => !stored.some((other) => isDeepStrictEqual(one, other)));
  return { others, doubt: doubt ?? failed ?? null };
}

/**
 * Looks for attestations that were pushed after the version was verified. The version verifies
 * without them, so a registry that fails or has no room means that none is known yet.
 * @returns null if there is nothing to save
 */
async function findLater(
  services: Services,
  module: Module,
  version: Version,
  { stored, verification }: { stored: FoundSignature[]; verification: DatedVerification },
): Promise<Findings | null> {
  let others: FoundSignature[] = [];
  try {
    ({ others } = await findOthers(services, module, version, stored));
  } catch (error) {
    if (!(error instanceof GantryError) && !(error instanceof BudgetSpent)) throw error;
  }

  const found = [...stored, ...others].slice(0, limits.foundSignaturesMax);
  // Attestations may come every day. What is stored for machines stays as small as what is read.
  const bytesMax = limits.foundSignaturesBytesMax + limits.foundAttestationsBytesMax;
  if (Buffer.byteLength(JSON.stringify(found)) > bytesMax) return null;

  const again =
    others.length === 0
      ? verification
      : await verifySignatures(services, module, verifiedArtifact(version), found);
  const same = isDeepStrictEqual(
    attestationsOf(again.verdict.signatures),
    attestationsOf(version.signatures),
  );

  return same || !again.verdict.verified ? null : { verification: again, found, unreachable: null };
}

/** The attestations that verified, in an order that does not depend on where they were found. */
function attestationsOf(verdicts: readonly SignatureVerdict[]): string[] {
  return verdicts
    .flatMap(({ attestation }) => (attestation === undefined ? [] : JSON.stringify(attestation)))
    .sort();
}

/**
 * Saves that a version verifies. If new signatures prove it, machines get those instead of the
 * stored ones.
 */
async function saveVerified(
  services: Services,
  version: Version,
  { verification, found }: Findings,
): Promise<void> {
  const lifted = withheldFields({}, version.withheld ?? {});
  const set: Partial<Version> = { quarantined: lifted.quarantined };
  if (found !== null) {
    const { verdict } = verification;
    set.stored_signatures_key = await storeSignatures(services, version.account, verdict, found);
    set.signatures = verdict.signatures;
    // A machine may still fetch the earlier signatures by their key.
    await refreshAge(services.objects, version.stored_signatures_key, services.now());
  }

  const cause = causeOf(services);
  const free = version.quarantined && !lifted.quarantined;
  const released = versionEvent(version, cause, 'released', standingOf(version));

  await saveOutcome(
    services,
    version,
    { verification, set, why: { outcome: 'verified', code: null, message: null } },
    free ? [released] : [],
  );

  if (free) await composeAgain(services, version);
}

const eventNames = {
  quarantined: 'quarantined',
  unconfirmed: 'unconfirmed',
  held: 'quarantine_held',
} as const;

/**
 * Saves that a version does not verify. An event is sent if it verified before, or failed for
 * another reason.
 */
async function saveUnverified(
  services: Services,
  version: Version,
  { verification, unreachable }: Findings,
  { outcome, budget }: { outcome: keyof typeof eventNames; budget: QuarantineBudget | null },
): Promise<void> {
  const { code, message } = unreachable ?? verification.verdict;
  const was = version.reverification;
  const known = was?.outcome === outcome && was.code === code;
  const data = { ...standingOf(version), code, message };
  const event = versionEvent(version, causeOf(services), eventNames[outcome], data);

  const set = { quarantined: version.quarantined || outcome === 'quarantined' };
  await saveOutcome(services, version, { verification, set, why: { outcome, code, message } }, [
    ...(budget === null ? [] : [putQuarantineBudget(budget)]),
    ...(known ? [] : [event]),
  ]);

  // Machines keep what they run, and each template shows why it composes no more.
  if (set.quarantined && !version.quarantined) await composeAgain(services, version);
}

/**
 * Saves the outcome if it changed: the same outcome by the same policy and trust root changes no
 * row.
 */
async function saveOutcome(
  services: Services,
  version: Version,
  {
    verification: { policy_version, trust_root_version },
    set,
    why,
  }: {
    verification: DatedVerification;
    set: Partial<Version>;
    why: { outcome: ReverificationOutcome; code: string | null; message: string | null };
  },
  alongside: Write[],
): Promise<void> {
  const now = { ...why, policy_version, trust_root_version };
  const { since: _, ...was } = version.reverification ?? { since: null };
  const same =
    isDeepStrictEqual(was, now) &&
    version.quarantined === set.quarantined &&
    set.stored_signatures_key === undefined;
  if (same) return;

  const reverification = { ...now, since: nowIso(services) };
  const writes = [saveReverification(version, { ...set, reverification }), ...alongside];

  await transact(services.db, writes);
}

function causeOf(services: Services) {
  return { actor: 'gantry:reverify', at: nowIso(services) };
}

function standingOf({ version_string: version, promotion_state: state }: Version) {
  return { version, state };
}

/** Composes every template that uses the version, because it was quarantined or released. */
async function composeAgain(services: Services, version: Version): Promise<void> {
  const { account, module, id: version_id, promotion_state } = version;
  if (promotion_state === 'built') return;

  // A version in staging concerns only its own account.
  const others = promotion_state === 'staging' ? 'never' : 'if_public';
  const users = await templateTracksUsing(services, account, { module, version_id, others });

  await enqueue(services, 'compose', users);
}
