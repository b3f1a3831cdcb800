import type { Dependency } from '../compose/index.ts';
import { finalOperationStates, type Operation } from './operation.ts';

/** What happens to the proposal of one module. */
export interface ProposalStep {
  step: 'none' | 'propose' | 'replace' | 'withdraw';
  /** The refused versions, with the one that was refused since the last look. */
  rejected: string[];
}

interface ProposalFacts {
  /** The version that would replace the pinned one; null for none. */
  wanted: string | null;
  dependency: Pick<Dependency, 'proposal' | 'rejected'>;
  /** The operation of the proposal; null if there is none. */
  operation: Pick<Operation, 'state' | 'updated_at'> | null;
  /** A proposal that could not be made or applied before this time is made again. */
  retryBefore: string;
  rejectedMax: number;
}

/**
 * Decides about the proposal of one module. One proposal is open at a time: a newer version
 * replaces it. A version that people rejected or withdrew is not proposed again. One whose proposal
 * expired is, and one whose proposal could not be composed or applied is after a while.
 */
export function nextProposal({
  wanted,
  dependency: { proposal, rejected },
  operation,
  retryBefore,
  rejectedMax,
}: ProposalFacts): ProposalStep {
  if (proposal !== null && operation !== null && !finalOperationStates.includes(operation.state))
    return { step: openStep(wanted, proposal.version_id, operation.state, rejected), rejected };

  const refused =
    proposal !== null && (operation?.state === 'rejected' || operation?.state === 'withdrawn');
  const now =
    refused && !rejected.includes(proposal.version_id)
      ? [...rejected, proposal.version_id].slice(-rejectedMax)
      : rejected;

  if (wanted === null || now.includes(wanted)) return { step: 'none', rejected: now };

  const failed = operation?.state === 'failed' || operation?.state === 'refused';
  const early = failed && operation.updated_at > retryBefore;
  const again = proposal?.version_id === wanted && early;
  return { step: again ? 'none' : 'propose', rejected: now };
}

/** An update that is being applied is not replaced: the next composition decides again. */
function openStep(
  wanted: string | null,
  open: string,
  state: Operation['state'],
  rejected: readonly string[],
): ProposalStep['step'] {
  if (wanted === open || state === 'applying') return 'none';
  return wanted === null || rejected.includes(wanted) ? 'withdraw' : 'replace';
}
