import { GantryError } from '../../base/error.ts';
import type { VerifyMessage } from '../../contract/messages.ts';
import { type Candidate, situationOf } from '../../domain/candidates/index.ts';
import type { Module } from '../../domain/modules/index.ts';
import {
  type FoundSignature,
  isUnsigned,
  type UnreadableReason,
  type Verification,
} from '../../domain/signatures/index.ts';
import { collectSignatures, isOutageCode, listBuilds } from '../../registry/index.ts';
import { getCandidate } from '../../store/candidates/index.ts';
import { getModule } from '../../store/modules/index.ts';
import { claimCandidate, moveCandidate } from '../candidates/index.ts';
import type { Services } from '../context/index.ts';
import {
  BudgetSpent,
  retryAfterSeconds,
  untilSentAgain,
  withRegistry,
} from '../registries/index.ts';
import { storeSignatures, verifySignatures } from '../signatures/index.ts';

const actor = 'gantry:verify';

/**
 * Verifies one candidate's signatures by its module's policy. A verified candidate moves on to
 * ingest; one without a signature waits; a signature that does not satisfy the policy is a
 * rejection, shown immediately. Both are verified again for 24 hours. A failing registry gives no
 * verdict: the candidate keeps its state and is verified again.
 * @returns the outcome, for the log
 */
export async function verifyCandidate(services: Services, message: VerifyMessage): Promise<string> {
  const candidate = await getCandidate(services.db, message.account, message.version_id);
  const module = await getModule(services.db, message.account, message.module);
  if (candidate === null || module === null) return 'unknown';
  if (['untagged', 'ingested'].includes(situationOf(candidate))) return 'settled';
  // Use the policy of the candidate's own module, even if the message names another.
  if (candidate.module !== module.name) return 'mismatched';

  const read = await verifyBeside(services, module, candidate);
  if (read === null) return 'postponed';

  const { found, verification } = read;
  const { verdict } = verification;
  if (!verdict.verified) {
    const failure = findFailure(found);
    if (failure !== null) return postpone(services, candidate, failure);
    const kind = isUnsigned(verdict) ? 'signatures_missing' : 'signatures_refused';
    return moveCandidate(services, candidate, { kind, verification }, { actor });
  }

  const stored_signatures_key = await storeSignatures(services, candidate.account, verdict, found);
  return moveCandidate(
    services,
    candidate,
    { kind: 'signatures_accepted', verification, stored_signatures_key },
    { actor },
  );
}

interface Findings {
  found: FoundSignature[];
  verification: Verification;
}

/**
 * Verifies what is beside the artifact. If a required attestation is missing, it may be beside the
 * builds that an index lists.
 * @returns null if the registry fails; the candidate is then postponed
 */
async function verifyBeside(
  services: Services,
  module: Module,
  candidate: Candidate,
): Promise<Findings | null> {
  const { digest } = candidate;
  const found = await askRegistry(services, module, candidate, ({ client, reference }) =>
    collectSignatures(client, reference.repository, digest),
  );
  if (found === null) return null;

  const artifact = { digest, builds: [] };
  const verification = await verifySignatures(services, module, artifact, found);
  if (verification.verdict.code !== 'attestation_missing') return { found, verification };

  const beside = await askRegistry(services, module, candidate, async ({ client, reference }) => {
    const builds = listBuilds(await client.getManifest(reference.repository, digest));
    if (builds.length === 0) return { found, builds };
    return { found: await collectSignatures(client, reference.repository, digest, builds), builds };
  });
  if (beside === null) return null;

  const { builds } = beside;
  const again = await verifySignatures(services, module, { digest, builds }, beside.found);
  return { found: beside.found, verification: again };
}

/** Returns null if the registry fails; the candidate is then postponed. */
async function askRegistry<T>(
  services: Services,
  { repository }: Module,
  candidate: Candidate,
  ask: Parameters<typeof withRegistry<T>>[2],
): Promise<T | null> {
  const { account } = candidate;
  try {
    return await withRegistry(services, { account, repository, purpose: 'verify' }, ask);
  } catch (error) {
    // The message is sent again later. Until then the schedule must not send another one.
    if (error instanceof BudgetSpent)
      await claimCandidate(services, candidate, untilSentAgain(services));
    if (!(error instanceof GantryError)) throw error;

    await postpone(services, candidate, error, retryAfterSeconds(error));
    return null;
  }
}

/**
 * Returns why the registry failed on a signature that it lists. That signature may satisfy the
 * policy, so the verdict without it is no rejection.
 */
function findFailure(found: readonly FoundSignature[]): UnreadableReason | null {
  const failures = found.flatMap(({ unreadable = null }) => unreadable ?? []);
  return failures.find(({ code }) => isOutageCode(code)) ?? null;
}

function postpone(
  services: Services,
  candidate: Candidate,
  { code, message }: UnreadableReason,
  wait_seconds = 0,
): Promise<string> {
  const occurrence = { kind: 'postponed', code, message, wait_seconds } as const;
  return moveCandidate(services, candidate, occurrence, { actor });
}
