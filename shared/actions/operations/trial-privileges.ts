import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import {
  type GroupedPrivilege,
  grantAfter,
  groupPrivileges,
  type Privilege,
  type ReviewedPrivilege,
  type TrialFindings,
  withFormer,
} from '../../domain/compose/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import {
  getComposition,
  getGrantedPrivileges,
  listTrialFindings,
  putGrantedPrivileges,
} from '../../store/compose/index.ts';
import { transact } from '../../store/table/index.ts';
import { recordInPlace } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';

/** The privileges that machines would get by an operation, as its last compositions found them. */
export async function readPrivileges(
  { db }: Services,
  { account, id }: Pick<Operation, 'account' | 'id'>,
): Promise<GroupedPrivilege[]> {
  return groupPrivileges(await listTrialFindings(db, account, id));
}

/**
 * The same with what machines have now of each module and kind, on the first track that gets the
 * new one.
 */
export async function reviewedPrivileges(
  services: Services,
  operation: Pick<Operation, 'account' | 'id'>,
): Promise<ReviewedPrivilege[]> {
  const found = await readPrivileges(services, operation);
  const records = new Map<string, Promise<Privilege[]>>();

  return mapConcurrently(found, limits.storeReadsAtOnce, async (one) => {
    const [place] = one.places;
    if (place === undefined) return withFormer(one, []);

    const key = JSON.stringify(place);
    const record = records.get(key) ?? privilegesInPlace(services, operation.account, place);
    records.set(key, record);
    return withFormer(one, await record);
  });
}

async function privilegesInPlace(
  services: Services,
  account: string,
  { template_id, track }: GroupedPrivilege['places'][number],
): Promise<Privilege[]> {
  const composition = await getComposition(services.db, account, template_id, track);
  return (await recordInPlace(services, composition))?.privileges ?? [];
}

/**
 * Notes the privileges that an applied operation let through, for the composition that follows. A
 * second run changes nothing that matters.
 */
export async function grantPrivileges(
  services: Services,
  { account, id }: Pick<Operation, 'account' | 'id'>,
): Promise<void> {
  for (const { privileges = [], ...trial } of await listTrialFindings(services.db, account, id)) {
    if (privileges.length > 0) await retryConflicts(() => grant(services, trial, privileges));
  }
}

async function grant(
  services: Services,
  { account, template_id, track }: Pick<TrialFindings, 'account' | 'template_id' | 'track'>,
  privileges: readonly Privilege[],
): Promise<void> {
  const { db } = services;
  const key = { account, template_id, track };
  const [row, inPlace] = await Promise.all([
    getGrantedPrivileges(db, key),
    privilegesInPlace(services, account, { template_id, track }),
  ]);

  const granted = grantAfter(row?.privileges ?? [], { inPlace, found: privileges });
  const revision = row?.revision ?? 0;

  await transact(db, [putGrantedPrivileges({ ...key, privileges: granted, revision })]);
}
