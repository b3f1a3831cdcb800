import type { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import { decideCandidate, updateCandidate } from '../../store/candidates/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { retryAfterSeconds } from '../registries/index.ts';

/**
 * Notes a trouble that says nothing about the artifact: the candidate stays what it is and is asked again, however old it
 * is, and not before the registry wants to be asked.
 */
export async function postpone(
  services: Services,
  candidate: Candidate,
  error: GantryError,
): Promise<void> {
  const wait = Math.max(retryAfterSeconds(error), backoffSeconds(candidate));
  await decideCandidate(services.db, candidate, (present) => [
    updateCandidate(present, {
      code: error.code,
      message: error.message,
      attempts: present.attempts + 1,
      next_verify_at: later(services, wait),
      updated_at: nowIso(services),
    }),
  ]);
}

/** When a candidate is asked again: the wait doubles; null once 24 hours have passed since it was found. */
export function nextAttempt(services: Services, candidate: Candidate): string | null {
  const age = (services.now().getTime() - Date.parse(candidate.found_at)) / 1000;
  if (age >= limits.awaitSignatureSeconds) return null;
  return later(services, backoffSeconds(candidate));
}

function backoffSeconds({ attempts }: Candidate): number {
  return Math.min(
    limits.verifyRetryMinSeconds * 2 ** Math.min(attempts, 16),
    limits.verifyRetryMaxSeconds,
  );
}
