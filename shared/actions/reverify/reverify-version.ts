import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Module, Version } from '../../domain/modules/index.ts';
import type { Reverification } from '../../domain/reverify/index.ts';
import type { FoundSignature } from '../../domain/signatures/index.ts';
import { collectSignatures } from '../../registry/index.ts';
import { transact, type Write } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import {
  getModule,
  getVersion,
  reverifyVersion as putReverification,
} from '../../store/modules/index.ts';
import { objectKeys, putOnce, renew } from '../../store/objects.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { affectedTemplates } from '../operations/index.ts';
import { withRegistry } from '../registries/index.ts';
import { type Judgement, judge, storedSignatures } from '../signatures/index.ts';
import { evidenceOf } from '../verify/index.ts';
import { askToResume, countQuarantine } from './quarantine.ts';

/** What a re-verification found out. */
interface Finding {
  judgement: Judgement;
  /** The signatures beside the stored ones that made it verify; null where those sufficed, or nothing does. */
  found: FoundSignature[] | null;
  /** Why the registry could not be asked for more; null where it was, or did not have to be. */
  unreachable: GantryError | null;
}

/**
 * Judges a version again by the registration and the trust root as they are now. The stored signatures are judged first; the
 * registry is asked for others only when those fail. A version that does not verify is quarantined only when trust material
 * is fresh and the registry answered, and few others were; one that verifies again, by fresh trust material, is quarantined
 * no more.
 * @returns how it stands, null when there is nothing to judge
 * @throws BudgetSpent when the registry's host is to be left alone for now
 */
export async function reverifyVersion(
  services: Services,
  { account, version_id }: { account: string; version_id: string },
): Promise<Reverification['outcome'] | null> {
  return retryConflicts(async () => {
    const version = await getVersion(services.db, account, version_id);
    const module = version && (await getModule(services.db, account, version.module));
    if (version === null || module === null || version.promotion_state === 'retired') return null;
    return settle(services, version, await find(services, module, version));
  });
}

async function find(services: Services, module: Module, version: Version): Promise<Finding> {
  const stored = await storedSignatures(services, version.evidence_key);
  const first = await judge(services, module, version.digest, stored);
  if (first.verdict.verified) return { judgement: first, found: null, unreachable: null };
  try {
    const { account } = version;
    const fetched = await withRegistry(
      services,
      account,
      module.repository,
      'reverify',
      (client, reference) => collectSignatures(client, reference.repository, version.digest),
    );
    const found = [
      ...stored,
      ...fetched.filter((one) => !stored.some((other) => isDeepStrictEqual(one, other))),
    ];
    return {
      judgement: await judge(services, module, version.digest, found),
      found,
      unreachable: null,
    };
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    return { judgement: first, found: null, unreachable: error };
  }
}

async function settle(
  services: Services,
  version: Version,
  finding: Finding,
): Promise<Reverification['outcome']> {
  const { judgement, found, unreachable } = finding;
  const { verdict, fresh } = judgement;
  const certain = unreachable === null && fresh;
  // What was quarantined for certain is neither released nor explained by less.
  if (version.quarantined && !certain) return 'quarantined';
  if (verdict.verified) return confirm(services, version, judgement, found);
  const { code, message } = unreachable ?? verdict;
  if (version.quarantined)
    return note(services, version, judgement, { outcome: 'quarantined', code, message });
  if (!certain) {
    return note(services, version, judgement, { outcome: 'unconfirmed', code, message });
  }
  // What is merely built is handed out to nobody: it is no loss, and no sign of anything.
  const counted =
    version.promotion_state === 'built' ? [] : await countQuarantine(services, version.account);
  if (counted === null) {
    const held = await note(services, version, judgement, { outcome: 'held', code, message });
    await askToResume(services, version.account);
    return held;
  }
  const more = Array.isArray(counted) ? counted : [counted];
  return note(services, version, judgement, { outcome: 'quarantined', code, message }, more);
}

/** It verifies: by other signatures than the stored ones, machines get those. */
async function confirm(
  services: Services,
  version: Version,
  judgement: Judgement,
  found: FoundSignature[] | null,
): Promise<'verified'> {
  const { account, digest } = version;
  const set: Partial<Version> = { quarantined: false };
  if (found !== null) {
    const evidence = evidenceOf(digest, judgement.verdict, found);
    set.evidence_key = objectKeys.evidence(account, `sha256:${sha256Hex(evidence)}`);
    set.signatures = judgement.verdict.signatures;
    await putOnce(services.objects, set.evidence_key, evidence, 'application/json', services.now());
    // A machine that was told of the evidence before may still fetch it (`renew`).
    await renew(services.objects, version.evidence_key, services.now());
  }
  const told = version.quarantined
    ? [eventOf(services, version, 'gantry.version.released', null)]
    : [];
  await put(
    services,
    version,
    judgement,
    { outcome: 'verified', code: null, message: null },
    set,
    told,
  );
  if (version.quarantined) await composeAgain(services, version);
  return 'verified';
}

type Outcome = Pick<Reverification, 'outcome' | 'code' | 'message'>;

const eventTypes = {
  quarantined: 'gantry.version.quarantined',
  unconfirmed: 'gantry.version.unconfirmed',
  held: 'gantry.version.quarantine_held',
} as const;

/** Notes that a version does not verify, and tells it when it did not before, or for another reason. */
async function note(
  services: Services,
  version: Version,
  judgement: Judgement,
  outcome: Outcome & { outcome: keyof typeof eventTypes },
  more: Write[] = [],
): Promise<Reverification['outcome']> {
  const was = version.reverification;
  const told = was?.outcome === outcome.outcome && was.code === outcome.code;
  const event = eventOf(services, version, eventTypes[outcome.outcome], outcome);
  const quarantined = version.quarantined || outcome.outcome === 'quarantined';
  await put(services, version, judgement, outcome, { quarantined }, [
    ...more,
    ...(told ? [] : [event]),
  ]);
  return outcome.outcome;
}

/** Writes what is another than before; the same outcome by the same policy and trust root changes no row. */
async function put(
  services: Services,
  version: Version,
  { policy_version, trust_root_version }: Judgement,
  outcome: Outcome,
  set: Partial<Version>,
  more: Write[],
): Promise<void> {
  const now = { ...outcome, policy_version, trust_root_version };
  const { since: _, ...was } = version.reverification ?? { since: null };
  const same =
    isDeepStrictEqual(was, now) &&
    version.quarantined === set.quarantined &&
    set.evidence_key === undefined;
  if (same) return;
  const reverification = { ...now, since: nowIso(services) };
  await transact(services.db, [putReverification(version, { ...set, reverification }), ...more]);
}

function eventOf(
  services: Services,
  version: Version,
  type: (typeof eventTypes)[keyof typeof eventTypes] | 'gantry.version.released',
  outcome: Outcome | null,
): Write {
  const { account, id, module, version_string, promotion_state: state } = version;
  const why = outcome === null ? {} : { code: outcome.code, message: outcome.message };
  const data = { module, version: version_string, state, ...why };
  return createEvent({
    type,
    account,
    subject: `version/${id}`,
    actor: 'gantry:reverify',
    at: nowIso(services),
    data,
  });
}

/** Compositions that passed it over, and machines that were refused it, may have it again. */
async function composeAgain(services: Services, version: Version): Promise<void> {
  const { account, module, id: version_id, promotion_state: to } = version;
  if (to === 'built') return;
  const change = { kind: 'promote_version', module, version_id, to, replaces: null } as const;
  await enqueue(services, 'compose', await affectedTemplates(services, { account, change }));
}
