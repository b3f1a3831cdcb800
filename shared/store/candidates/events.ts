import type { Candidate } from '../../domain/candidates/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a candidate. */
export const candidateEvent = eventMaker('candidate', (candidate: Candidate) => ({
  account: candidate.account,
  subject: `version/${candidate.id}`,
  data: { module: candidate.module, digest: candidate.digest },
}));
