import { GantryError } from '../../base/error.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { InterventionPolicy } from '../../domain/operations/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import type { Services } from '../context/index.ts';
import { createInstance } from '../machines/index.ts';
import { instanceUpdate } from './changes/instance-update.ts';
import { policiesInForce, refuseDenied, refuseFrozen } from './operation-policy.ts';

/**
 * Makes a machine as people ask for it. On another track than `live` it needs what moving it there
 * needs: it gets versions that no reviewer let through. Throws `approval_required` where reviewers
 * decide about that, because only a change of a machine can wait for them.
 */
export async function createMachine(
  services: Services,
  caller: Caller,
  input: Parameters<typeof createInstance>[2],
): ReturnType<typeof createInstance> {
  const { name, track = 'live' } = input;
  if (track !== 'live') {
    const inForce = policiesInForce(services, caller.account);
    const move = { kind: 'instance_update', instance_id: '', track, from_track: 'live' } as const;
    const policy = await instanceUpdate.policy(move, inForce);
    refuseUnreviewed({ name, track }, policy, services.now());
  }

  return createInstance(services, caller, input);
}

/**
 * Throws `policy_denied`, `frozen` or `approval_required` unless the policy lets a machine move to
 * the track without reviewers.
 */
export function refuseUnreviewed(
  { name, track }: { name: string; track: Track },
  policy: InterventionPolicy,
  now: Date,
): void {
  const request = { summary: `create instance ${name} on track ${track}` };
  refuseDenied(request, policy);
  refuseFrozen(request, policy, now);
  if (policy.decision === 'allow') return;

  throw new GantryError(
    'approval_required',
    `expected a machine on track live, found ${track}, which needs an approval. Create it on live, then move it: gantry instance update ${name} --track ${track}`,
    { field: 'track', expected: 'live', found: track },
  );
}
