import { GantryError } from '../../../base/error.ts';
import { withModuleView } from '../../../domain/compose/index.ts';
import { type Module, withReservations } from '../../../domain/modules/index.ts';
import type { Change } from '../../../domain/operations/index.ts';
import { commonAccount } from '../../../domain/templates/index.ts';
import { createEvent } from '../../../store/event.ts';
import { allVersions, putReservations } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
import { requireModule } from '../../modules/index.ts';
import { type Affected, type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { stateFact } from './review-text.ts';

type ReservationChange = Change<'reservation_change'>;

interface Rows {
  module: Module;
  /** Every pattern in the `protected_spec` of a version; read only to grant one. */
  patterns: ReadonlySet<string>;
}

export const reservationChange: ChangeKind<'reservation_change', Rows> = {
  action: () => 'reservation_change',
  policy: (_, inForce) => inForce('reservation_change'),

  async read(services, account, { module: name, grant }) {
    const module = await requireModule(services, account, name);
    const patterns =
      grant.length === 0 ? new Set<string>() : await readPatterns(services, account, name);
    return { module, patterns };
  },

  check({ module: name, grant, revoke }, { module, patterns }) {
    const granted = module.granted_reservations;
    const revoked = revoke.find((pattern) => !granted.includes(pattern));
    if (revoked !== undefined) {
      throw reservationUnknownError(`a reservation that is granted to ${name}`, granted, revoked);
    }

    const stray = grant.find((pattern) => !patterns.has(pattern));
    if (stray === undefined) return;

    throw reservationUnknownError(
      `a pattern as it stands in the protected_spec of a version of ${name}`,
      [...patterns],
      stray,
    );
  },

  summary({ module, grant, revoke }) {
    const granted = grant.length === 0 ? [] : [`reserve ${grant.join(', ')} for ${module}`];
    const revoked =
      revoke.length === 0 ? [] : [`end the reservation of ${revoke.join(', ')} for ${module}`];
    return [...granted, ...revoked].join(' and ');
  },

  tried: usersOfModule,
  affected: usersOfModule,

  view(view, change) {
    return withModuleView(view, change.module, (row) => withReservations(row, change));
  },

  instance: sameInstance,

  writes({ operation, change, rows: { module: was }, at }) {
    return [
      putReservations(was, withReservations(was, change).granted_reservations, at),
      createEvent({
        type: 'gantry.reservation.changed',
        account: operation.account,
        subject: `module/${change.module}`,
        actor: operation.requested_by,
        at,
        data: { granted: change.grant, revoked: change.revoke, operation_id: operation.id },
      }),
    ];
  },

  review({ module, grant, revoke }) {
    const facts = [
      ...stateFact('module', module),
      ...stateFact('grant', grant.length === 0 ? null : grant),
      ...stateFact('revoke', revoke.length === 0 ? null : revoke),
    ];
    return { facts, warnings: [] };
  },

  follow: nothingFollows,
};

/** The change that a request to reserve paths means. */
export function reservationChangeOf(input: {
  module: string;
  grant?: string[];
  revoke?: string[];
}): ReservationChange {
  const { module, grant = [], revoke = [] } = input;
  return {
    kind: 'reservation_change',
    module,
    grant: [...new Set(grant)],
    revoke: [...new Set(revoke)],
  };
}

/** Reservations of one account do not count in another, except those of `powernode`. */
function usersOfModule({ module }: ReservationChange, account: string): Affected {
  const others = account === commonAccount ? 'if_public' : 'never';
  return { of: 'module', module, version_id: null, others };
}

async function readPatterns(
  services: Services,
  account: string,
  module: string,
): Promise<Set<string>> {
  const patterns = new Set<string>();
  for (const { manifest } of await allVersions(services.db, account, module)) {
    for (const pattern of manifest.protected_spec) patterns.add(pattern);
  }
  return patterns;
}

function reservationUnknownError(what: string, expected: string[], found: string): GantryError {
  const known =
    expected.length === 0 ? 'there are none' : `they are ${expected.map(quotePattern).join(', ')}`;
  return new GantryError(
    'reservation_unknown',
    `expected ${what} (${known}), found ${quotePattern(found)}`,
    { field: 'pattern', expected, found },
  );
}

function quotePattern(pattern: string): string {
  return JSON.stringify(pattern);
}
