import { GantryError } from '../../../base/error.ts';
import type { Caller } from '../../../domain/accounts/index.ts';
import { type Module, withReservations } from '../../../domain/modules/index.ts';
import type { Change, Operation } from '../../../domain/operations/index.ts';
import type { ModuleManifest } from '../../../manifest/index.ts';
import type { Write } from '../../../store/db.ts';
import { createEvent } from '../../../store/event.ts';
import { getModule, listVersions, putReservations } from '../../../store/modules/index.ts';
import { nowIso, type Services } from '../../context/index.ts';
import { requestOperation } from '../request-operation.ts';

type ChangeReservations = Extract<Change, { kind: 'change_reservations' }>;

/**
 * Asks for paths to be reserved for a module, or to be free again: patterns of its `protected_spec` that protect what they
 * match, shipped or not, in every template that has the module (product.md, section 7).
 */
export async function changeReservations(
  services: Services,
  caller: Caller,
  input: { module: string; grant?: string[]; revoke?: string[] },
): Promise<Operation> {
  const change = reservationChange(input);
  await checkReservations(services, caller.account, change);
  return requestOperation(services, caller, 'reservation_change', change, summaryOf(change));
}

/** The change that a request means. */
export function reservationChange(input: {
  module: string;
  grant?: string[];
  revoke?: string[];
}): ChangeReservations {
  const { module, grant = [], revoke = [] } = input;
  return {
    kind: 'change_reservations',
    module,
    grant: [...new Set(grant)],
    revoke: [...new Set(revoke)],
  };
}

function summaryOf({ module, grant, revoke }: ChangeReservations): string {
  const granted = grant.length === 0 ? [] : [`reserve ${grant.join(', ')} for ${module}`];
  const revoked =
    revoke.length === 0 ? [] : [`end the reservation of ${revoke.join(', ')} for ${module}`];
  return [...granted, ...revoked].join(' and ');
}

/**
 * Throws `reservation_unknown` for a pattern to grant that no version's `protected_spec` has, or one to revoke that is not
 * granted.
 */
export async function checkReservations(
  services: Services,
  account: string,
  change: ChangeReservations,
): Promise<void> {
  const { granted_reservations: granted } = await requireModule(services, account, change.module);
  const revoked = change.revoke.find((pattern) => !granted.includes(pattern));
  if (revoked !== undefined)
    throw unknown(`a reservation that is granted to ${change.module}`, granted, revoked);
  if (change.grant.length === 0) return;
  const asked = new Set<string>();
  for (const { manifest } of await listVersions(services.db, account, change.module)) {
    for (const pattern of (manifest as ModuleManifest).protected_spec) asked.add(pattern);
  }
  const stray = change.grant.find((pattern) => !asked.has(pattern));
  if (stray !== undefined) {
    throw unknown(
      `a pattern as it stands in the protected_spec of a version of ${change.module}`,
      [...asked],
      stray,
    );
  }
}

function unknown(what: string, expected: string[], found: string): GantryError {
  const known =
    expected.length === 0 ? 'there are none' : `they are ${expected.map(quoted).join(', ')}`;
  return new GantryError(
    'reservation_unknown',
    `expected ${what} (${known}), found ${quoted(found)}`,
    {
      field: 'pattern',
      expected,
      found,
    },
  );
}

function quoted(pattern: string): string {
  return JSON.stringify(pattern);
}

/** The writes that apply the change to the row as it is now. */
export async function reservationWrites(
  services: Services,
  operation: Operation,
  change: ChangeReservations,
): Promise<Write[]> {
  const { account } = operation;
  const was = await requireModule(services, account, change.module);
  const at = nowIso(services);
  return [
    putReservations(was, withReservations(was, change).granted_reservations, at),
    createEvent({
      type: 'gantry.reservation.changed',
      account,
      subject: `module/${change.module}`,
      actor: operation.requested_by,
      at,
      data: { granted: change.grant, revoked: change.revoke, operation_id: operation.id },
    }),
  ];
}

async function requireModule(services: Services, account: string, name: string): Promise<Module> {
  const module = await getModule(services.db, account, name);
  if (module !== null) return module;
  throw new GantryError(
    'not_found',
    `expected a module of account "${account}", found no "${name}"`,
    {
      field: 'module',
      found: name,
    },
  );
}
