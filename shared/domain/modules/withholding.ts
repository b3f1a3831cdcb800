import { type Version, type Withheld, type WithholdingKind, withholdingKinds } from './version.ts';

type Flagged = Pick<Version, 'withheld' | 'quarantined' | 'held'>;

/**
 * The fields of a version that a person withholds for these reasons. It stays quarantined while its
 * signatures do not verify, whatever people lift.
 */
export function withheldFields(
  { reverification }: Pick<Version, 'reverification'>,
  withheld: Withheld,
): Flagged {
  const { yanked, quarantined, held } = withheld;
  const verifies = reverification?.outcome !== 'quarantined';
  return {
    withheld,
    quarantined: !verifies || yanked !== undefined || quarantined !== undefined,
    held: held !== undefined,
  };
}

/** What keeps machines from getting a version, in one word and one reason; null if nothing does. */
export function withheldBy({
  withheld = {},
  quarantined,
  reverification,
}: Pick<Version, 'withheld' | 'quarantined' | 'reverification'>): {
  kind: WithholdingKind;
  reason: string;
} | null {
  for (const kind of withholdingKinds) {
    const found = withheld[kind];
    if (found !== undefined) return { kind, reason: found.reason };
  }

  if (!quarantined) return null;
  return { kind: 'quarantined', reason: reverification?.message ?? 'it no longer verifies' };
}

/** Why machines that lack a version do not get it, in one word and one reason. */
export interface WithheldReason {
  kind: WithholdingKind | 'retired';
  reason: string;
}

/** The same for a version in use, which may be retired as well; null if nothing withholds it. */
export function withheldReason(
  version: Parameters<typeof withheldBy>[0] & Pick<Version, 'promotion_state'>,
): WithheldReason | null {
  const found = withheldBy(version);
  if (found !== null || version.promotion_state !== 'retired') return found;
  return { kind: 'retired', reason: 'no track offers it any more' };
}
