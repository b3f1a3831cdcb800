import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { Version } from '../../domain/modules/index.ts';
import { findToken, getMember } from '../../store/accounts/index.ts';
import type { Services } from '../context/index.ts';

/**
 * An actor as people know them: a member by e-mail address, a token by its name, else the
 * actor as it is.
 */
export async function nameOf(services: Services, account: string, actor: string): Promise<string> {
  const [kind, id = ''] = actor.split(':', 2);
  if (kind === 'member') return (await getMember(services.db, account, id))?.email ?? actor;
  const token = await findToken(services.db, account, id);
  return token === null ? actor : `the token "${token.name}"`;
}

/** Returns a function that names the actors. Each of them is read once. */
export async function readNames(
  services: Services,
  account: string,
  actors: readonly string[],
): Promise<(actor: string) => string> {
  const distinct = [...new Set(actors)];
  const names = await mapConcurrently(distinct, limits.storeReadsAtOnce, (actor) =>
    nameOf(services, account, actor),
  );
  const known = new Map(distinct.map((actor, i) => [actor, names[i] ?? actor]));
  return (actor) => known.get(actor) ?? actor;
}

/** Returns a function that names those who withhold versions of one account. */
export async function readWithholders(
  services: Services,
  versions: readonly Pick<Version, 'account' | 'withheld'>[],
): Promise<(actor: string) => string> {
  const actors = versions
    .flatMap(({ withheld = {} }) => Object.values(withheld))
    .map(({ by }) => by);
  return readNames(services, versions[0]?.account ?? '', actors);
}
