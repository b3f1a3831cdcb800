import { GantryError } from '../../base/error.ts';
import { notFoundError } from '../../base/not-found.ts';
import type { Account, Member } from '../../domain/accounts/index.ts';
import { getAccount, getMember } from '../../store/accounts/index.ts';
import type { Services } from '../context/index.ts';

/** The account itself; throws `not_found`. */
export async function requireAccount(services: Services, slug: string): Promise<Account> {
  const account = await getAccount(services.db, slug);
  if (account !== null) return account;
  throw new GantryError('not_found', `expected an account "${slug}", found none`, { found: slug });
}

/**
 * A member of the account; throws `not_found`.
 * @param field where a request named the member, if it stands in a body
 */
export async function requireMember(
  services: Services,
  account: string,
  id: string,
  field?: string,
): Promise<Member> {
  const member = await getMember(services.db, account, id);
  if (member !== null) return member;

  throw notFoundError('member', {
    account,
    name: id,
    ...(field === undefined ? {} : { field }),
  });
}
