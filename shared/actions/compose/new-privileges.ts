import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import { needsPolicy, newPrivileges, type Privilege } from '../../domain/compose/index.ts';
import { getComposition, getGrantedPrivileges } from '../../store/compose/index.ts';
import { type CompositionRecord, recordInPlace } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';

type Place = Pick<ComposeMessage, 'account' | 'template_id' | 'track'>;

/**
 * The privileges of a composition that nobody let through for the track: neither the composition in
 * place has them, nor did an operation grant them since. Another track than `live` begins with
 * those of `live`. Null if the composition in place is of a release that recorded none.
 * @param replaced the composition in place
 */
export async function findNewPrivileges(
  services: Services,
  place: Place,
  {
    replaced,
    after,
  }: { replaced: Pick<CompositionRecord, 'privileges'> | null; after: readonly Privilege[] },
): Promise<Privilege[] | null> {
  if (after.length === 0) return [];
  if (replaced !== null && replaced.privileges === undefined) return null;

  const fresh = newPrivileges(replaced?.privileges ?? [], after);
  if (fresh.length === 0) return [];

  const granted = await getGrantedPrivileges(services.db, place);
  const left = newPrivileges(granted?.privileges ?? [], fresh);
  return place.track === 'live' || left.length === 0 ? left : beyondLive(services, place, left);
}

async function beyondLive(
  services: Services,
  { account, template_id }: Place,
  privileges: readonly Privilege[],
): Promise<Privilege[]> {
  const live = { account, template_id, track: 'live' } as const;
  const [composition, granted] = await Promise.all([
    getComposition(services.db, account, template_id, 'live'),
    getGrantedPrivileges(services.db, live),
  ]);
  const record = await recordInPlace(services, composition);
  const had = [...(record?.privileges ?? []), ...(granted?.privileges ?? [])];
  return newPrivileges(had, privileges);
}

/** Throws `composition_too_large` for more privileges than reviewers can judge in one change. */
export function refuseManyPrivileges(privileges: readonly Privilege[]): void {
  const [expected, found] = [limits.newPrivilegesMax, privileges.length];
  if (found <= expected) return;

  throw new GantryError(
    'composition_too_large',
    `expected a change to bring at most ${expected} privileges, found ${found}; assign fewer modules in one change`,
    { expected, found },
  );
}

/**
 * Throws `operation_raced` for privileges that reviewers were not shown: the template changed while
 * they decided.
 */
export function refuseUnshown(shown: readonly Privilege[], found: readonly Privilege[]): void {
  const [first] = newPrivileges(shown, found).filter(needsPolicy);
  if (first === undefined) return;

  throw new GantryError(
    'operation_raced',
    `the template changed while reviewers decided, and ${first.module} would get a privilege that they were not shown: ${first.sentence} Request it again`,
    { expected: shown, found },
  );
}

/**
 * Throws `composition_unapproved` for a composition with privileges that no operation let through:
 * it was made of rows that changed otherwise.
 */
export function refuseUnapproved(privileges: readonly Privilege[]): void {
  const unapproved = privileges.filter(needsPolicy);
  if (unapproved.length === 0) return;

  const found = unapproved.map(({ module, sentence }) => `${module}: ${sentence}`);
  throw new GantryError(
    'composition_unapproved',
    `expected only privileges that an operation let through, found ${listSome(found)} Request a change of the template (gantry assignment update); reviewers decide about it`,
    { found },
  );
}
