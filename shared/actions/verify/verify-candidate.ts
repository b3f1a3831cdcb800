import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { VerifyMessage } from '../../contract/messages.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { ArtifactVerdict, FoundSignature } from '../../domain/signatures/index.ts';
import { collectSignatures } from '../../registry/index.ts';
import {
  claimCandidate,
  decideCandidate,
  getCandidate,
  updateCandidate,
} from '../../store/candidates/index.ts';
import { createEvent } from '../../store/event.ts';
import { getModule } from '../../store/modules/index.ts';
import { objectKeys, putOnce } from '../../store/objects.ts';
import { nextAttempt, postpone } from '../candidates/index.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';
import { BudgetSpent, untilSentAgain, withRegistry } from '../registries/index.ts';
import { type Judgement, judge } from '../signatures/index.ts';

/**
 * Judges one candidate's signatures against its module's policy. Verified goes on to ingest; without a signature it
 * waits; a signature that does not satisfy is a rejection, shown at once. Both are asked again for 24 hours. A registry
 * that fails is no verdict: the candidate stays as it is and is asked again.
 */
export async function verifyCandidate(services: Services, message: VerifyMessage): Promise<void> {
  const { account, module: name } = message;
  const candidate = await getCandidate(services.db, account, message.version_id);
  const module = await getModule(services.db, account, name);
  if (candidate === null || module === null || candidate.state === 'ingested') return;
  // Judged by the policy of its own module, whatever a message says.
  if (candidate.module !== module.name) return;
  // No tag names it any more, so it must not become what the tag named.
  if (candidate.tags.length === 0) return;
  const evidence = await readSignatures(services, candidate, module.repository);
  if (evidence === null) return;
  const judgement = await judge(services, module, candidate.digest, evidence);
  if (judgement.verdict.verified) await accept(services, candidate, judgement, evidence);
  else await refuse(services, candidate, judgement);
}

async function readSignatures(
  services: Services,
  candidate: Candidate,
  repository: string,
): Promise<FoundSignature[] | null> {
  try {
    return await withRegistry(
      services,
      candidate.account,
      repository,
      'verify',
      (client, reference) => collectSignatures(client, reference.repository, candidate.digest),
    );
  } catch (error) {
    // Its message comes back by itself; the schedule, which looks after lost ones, must not add another meanwhile.
    if (error instanceof BudgetSpent)
      await claimCandidate(services.db, candidate, untilSentAgain(services));
    if (!(error instanceof GantryError)) throw error;
    await postpone(services, candidate, error);
    return null;
  }
}

/** What is kept as evidence: agents judge it again, so what did not satisfy the policy here is of no use to them. */
export function evidenceOf(
  digest: string,
  verdict: ArtifactVerdict,
  found: FoundSignature[],
): string {
  const candidates = found.filter((_, index) => {
    const { verified, attestation } = verdict.signatures[index] ?? {};
    return verified === true || attestation !== undefined;
  });
  return JSON.stringify({ digest, candidates });
}

async function accept(
  services: Services,
  candidate: Candidate,
  { verdict, policy_version, trust_root_version }: Judgement,
  found: FoundSignature[],
): Promise<void> {
  const { account, module, id, digest } = candidate;
  const evidence = evidenceOf(digest, verdict, found);
  const evidence_key = objectKeys.evidence(account, `sha256:${sha256Hex(evidence)}`);
  await putOnce(services.objects, evidence_key, evidence, 'application/json', services.now());
  const at = nowIso(services);
  // Waiting for a signature is over; the wait after a failed ingest goes on growing.
  const waited = candidate.state === 'found' || candidate.state === 'awaiting_signature';
  const verified = createEvent({
    type: 'gantry.candidate.verified',
    account,
    subject: `version/${id}`,
    actor: 'gantry:verify',
    at,
    data: { module, digest },
  });
  const decided = await decideCandidate(services.db, candidate, (present) => [
    updateCandidate(present, {
      state: 'verified',
      code: null,
      message: null,
      signatures: verdict.signatures,
      evidence_key,
      policy_version,
      trust_root_version,
      attempts: waited ? 0 : present.attempts,
      // Should the message to ingest be lost, verify is asked again and sends another.
      next_verify_at: later(services, limits.verifyRetryMaxSeconds),
      updated_at: at,
    }),
    ...(present.state === 'verified' ? [] : [verified]),
  ]);
  if (decided) await enqueue(services, 'ingest', [{ account, module, version_id: id }]);
}

async function refuse(
  services: Services,
  candidate: Candidate,
  { verdict, policy_version, trust_root_version }: Judgement,
): Promise<void> {
  const { account, module, id, digest } = candidate;
  const waits = verdict.code === 'unsigned' || verdict.code === 'attestation_only';
  const next_verify_at = nextAttempt(services, candidate);
  const state = waits && next_verify_at !== null ? 'awaiting_signature' : 'rejected';
  const code = state === 'awaiting_signature' ? 'awaiting_signature' : verdict.code;
  const at = nowIso(services);
  const told = candidate.state === state && candidate.code === code;
  await decideCandidate(services.db, candidate, (present) => [
    updateCandidate(present, {
      state,
      code,
      message: verdict.message,
      signatures: verdict.signatures,
      policy_version,
      trust_root_version,
      attempts: present.attempts + 1,
      next_verify_at,
      updated_at: at,
    }),
    ...(told
      ? []
      : [
          createEvent({
            type:
              state === 'rejected'
                ? 'gantry.candidate.rejected'
                : 'gantry.candidate.awaiting_signature',
            account,
            subject: `version/${id}`,
            actor: 'gantry:verify',
            at,
            data: { module, digest, code, message: verdict.message },
          }),
        ]),
  ]);
}
