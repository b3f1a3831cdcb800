import { hash } from 'node:crypto';
import semver from 'semver';
import { keyIdOf } from '../../../base/key-id.ts';
import type { Member } from '../../../domain/accounts/index.ts';
import { type Module, type Version, withheldBy } from '../../../domain/modules/index.ts';
import {
  type Change,
  type ChangeName,
  changedFacts,
  differencesOf,
  type ReviewedChange,
  type ReviewFact,
} from '../../../domain/operations/index.ts';
import type { SignatureVerdict } from '../../../domain/signatures/index.ts';

/** What a reviewer reads of a change besides its fields, by pure functions of its rows. */
type Presenters = {
  [Name in ChangeName]?: (
    change: Change<Name>,
    rows: never,
  ) => Pick<ReviewedChange, 'facts' | 'warnings'>;
};

interface PromotionRows {
  version: Version;
  live: Version | null;
}

/** Kinds without an entry show their fields. */
const presenters: Presenters = {
  version_promote: presentPromotion,
  dependency_update: presentUpdate,
  policy_change: ({ policy, was }) => ({ facts: differencesOf(was, policy), warnings: [] }),
  module_update: presentRegistration,
  instance_update: presentMachine,
  member_change: presentMember,
};

/** Facts and warnings of a change. @param rows as the kind of the change read them */
export function presentChange(
  change: Change,
  rows: unknown,
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const present = presenters[change.kind] as
    | ((change: Change, rows: unknown) => Pick<ReviewedChange, 'facts' | 'warnings'>)
    | undefined;
  return present?.(change, rows) ?? { facts: fieldsOf(change), warnings: [] };
}

function presentPromotion(
  { to }: Change<'version_promote'>,
  { version, live }: PromotionRows,
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const old = to === 'live' && live?.id !== version.id ? live : null;
  const state = { name: 'state', was: version.promotion_state, now: to };
  const facts = [...versionFacts(old, version), state];
  return { facts, warnings: old === null ? [] : warnDowngrade(old, version) };
}

function presentUpdate(
  { module, track }: Change<'dependency_update'>,
  { from, version }: { from: Version; version: Version },
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const facts: ReviewFact[] = [
    { name: 'module', was: null, now: module },
    { name: 'track', was: null, now: track },
    ...versionFacts(from, version),
  ];

  const withheld = withheldBy(from);
  const urgent =
    withheld === null
      ? []
      : [`${from.version_string}, which machines run, is ${withheld.kind}: ${withheld.reason}.`];
  return { facts, warnings: [...urgent, ...warnDowngrade(from, version)] };
}

/** What identifies a version, and the one that it replaces. */
function versionFacts(old: Version | null, version: Version): ReviewFact[] {
  const fact = (name: string, of: (one: Version) => string): ReviewFact => ({
    name,
    was: old === null ? null : of(old),
    now: of(version),
  });

  return [
    fact('version', (one) => one.version_string),
    fact('digest', (one) => one.digest),
    fact('signed by', (one) => signersOf(one.signatures)),
  ];
}

function warnDowngrade(old: Version, version: Version): string[] {
  const [was, now] = [semver.parse(old.version_string), semver.parse(version.version_string)];
  const down = was !== null && now !== null && semver.lt(now, was);
  return down ? [`This is a downgrade: ${old.version_string} → ${version.version_string}.`] : [];
}

/** Who signed, and what verified it besides the signature itself. */
function signersOf(verdicts: readonly SignatureVerdict[]): string {
  const signers = verdicts
    .filter(({ verified }) => verified)
    .map(({ identity, issuer, key_id, proof }) => {
      const who = identity === null ? `key ${key_id ?? 'unknown'}` : `${identity} (${issuer})`;
      const logs = proof?.log_entries.length ?? 0;
      const times = proof?.timestamps.length ?? 0;

      const proofs = [
        ...(logs > 0 ? ['transparency log'] : []),
        ...(times > 0 ? ['signed timestamp'] : []),
      ];
      return proofs.length === 0 ? who : `${who}, ${proofs.join(' and ')}`;
    });

  return [...new Set(signers)].join('; ') || 'no signature that verified';
}

function presentRegistration(
  { set, loosens_trust }: Change<'module_update'>,
  { module }: { module: Module },
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const facts = Object.entries(set).map(([field, now]) => ({
    name: field.replaceAll('_', ' '),
    was: valueText(field, module[field as keyof typeof set]),
    now: valueText(field, now),
  }));

  const warning = 'Artifacts that Gantry refuses now can get in after this change.';
  return { facts: changedFacts(facts), warnings: loosens_trust ? [warning] : [] };
}

function presentMachine(
  { kind: _, instance_id: __, ...set }: Change<'instance_update'>,
  row: Record<string, unknown>,
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const facts = Object.entries(set).map(([field, now]) => ({
    name: field,
    was: valueText(field, row[field]),
    now: valueText(field, now),
  }));

  return { facts: changedFacts(facts), warnings: [] };
}

function presentMember(
  { was, roles, was_groups, groups }: Change<'member_change'>,
  { member }: { member: Member },
): Pick<ReviewedChange, 'facts' | 'warnings'> {
  const facts: ReviewFact[] = [
    { name: 'member', was: null, now: `${member.name} <${member.email}>` },
    { name: 'roles', was: valueText('roles', was), now: valueText('roles', roles) },
    { name: 'groups', was: valueText('groups', was_groups), now: valueText('groups', groups) },
  ];

  const warning = `For four eyes, this member counts as ${member.counts_as}.`;
  return { facts, warnings: member.counts_as === null ? [] : [warning] };
}

function fieldsOf(change: Change): ReviewFact[] {
  return Object.entries(change)
    .filter(([name, value]) => name !== 'kind' && value !== null && value !== undefined)
    .map(([name, value]) => ({
      name: name.replaceAll('_', ' '),
      was: null,
      now: valueText(name, value),
    }));
}

/** A value as people read it. Keys are named by their ids, trust roots by their digest. */
function valueText(field: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';

  if (field === 'trusted_keys' && Array.isArray(value))
    return value.map((key) => `key ${keyIdOf(String(key))}`).join(', ') || 'none';

  if (field === 'trusted_root') return `sha256:${hash('sha256', JSON.stringify(value), 'hex')}`;

  if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
    return value.join(', ') || 'none';
  return JSON.stringify(value);
}
