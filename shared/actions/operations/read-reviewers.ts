import type { Member } from '../../domain/accounts/index.ts';
import { getRoster, reviewersOf } from '../../store/accounts/index.ts';
import type { Services } from '../context/index.ts';

/** The reviewers of an account as they are now, invited ones included. */
export async function readReviewers({ db }: Services, account: string): Promise<Member[]> {
  return reviewersOf(db, await getRoster(db, account));
}
