import { limits } from '../../base/limits/index.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import { decideCandidate, updateCandidate } from '../../store/candidates/index.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';

/** Has a candidate judged again: whom its module trusts was changed since its signatures were judged. */
export async function judgeAgain(services: Services, candidate: Candidate): Promise<void> {
  const { account, module, id } = candidate;
  const found = await decideCandidate(services.db, candidate, (present) => [
    updateCandidate(present, {
      state: 'found',
      policy_version: null,
      // The message that follows asks at once; this asks again should it be lost.
      next_verify_at: later(services, limits.verifyRetryMinSeconds),
      updated_at: nowIso(services),
    }),
  ]);
  if (found) await enqueue(services, 'verify', [{ account, module, version_id: id }]);
}
