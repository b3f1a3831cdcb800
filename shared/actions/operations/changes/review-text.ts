import { hash } from 'node:crypto';
import semver from 'semver';
import { keyIdOf } from '../../../base/key-id.ts';
import { compareEffects, listEffects, type Version } from '../../../domain/modules/index.ts';
import { changedFacts, type ReviewFact } from '../../../domain/operations/index.ts';
import {
  attestationText,
  documentText,
  type SignatureVerdict,
} from '../../../domain/signatures/index.ts';

/** A fact about something that has no old value; none if there is nothing to say. */
export function stateFact(name: string, now: unknown): ReviewFact[] {
  return now === null || now === undefined ? [] : [{ name, was: null, now: valueText(name, now) }];
}

/** Each field that is set, with its old and new value, if they differ. */
export function fieldFacts(
  set: Readonly<Record<string, unknown>>,
  row: Readonly<Record<string, unknown>>,
): ReviewFact[] {
  return changedFacts(
    Object.entries(set).map(([field, now]) => ({
      name: field.replaceAll('_', ' '),
      was: valueText(field, row[field]),
      now: valueText(field, now),
    })),
  );
}

/**
 * What identifies a version and the one that it replaces, and what it does differently to machines.
 */
export function versionFacts(old: Version | null, version: Version): ReviewFact[] {
  const fact = (name: string, of: (one: Version) => string): ReviewFact => ({
    name,
    was: old === null ? null : of(old),
    now: of(version),
  });

  return [
    fact('version', (one) => one.version_string),
    fact('digest', (one) => one.digest),
    fact('signed by', (one) => signersOf(one.signatures)),
    ...changedOrSet(fact('attested', attestedBy)),
    ...effectFacts(old, version),
  ];
}

/** What attestations and side layers say about a version. */
function attestedBy({ signatures, side_layers = [] }: Version): string {
  const attested = signatures.flatMap(({ attestation }) =>
    attestation === undefined ? [] : [attestationText(attestation)],
  );
  const others = side_layers.map((layer) => `${documentText(layer)} (in a layer, not attested)`);
  return [...new Set([...attested, ...others])].join('; ') || 'none';
}

/** A version without attestations that replaces another one without is nothing to show. */
function changedOrSet(fact: ReviewFact): ReviewFact[] {
  return [fact.was ?? 'none', fact.now].every((text) => text === 'none') ? [] : [fact];
}

/** What a version does to machines besides its files, and how that differs from another one. */
export function effectFacts(old: Version | null, { manifest }: Version): ReviewFact[] {
  const before = old === null ? [] : listEffects(old.manifest);
  return compareEffects(before, listEffects(manifest)).map(({ name, was, now }) => ({
    name,
    was: old === null ? null : (was ?? 'none'),
    now,
  }));
}

/** A reviewer should not overlook rights that end every other protection. */
export function warnPrivileged(old: Version | null, { manifest }: Version): string[] {
  const before = old?.manifest.security?.privileged === true;
  if (before || manifest.security?.privileged !== true) return [];
  return ['This version asks to run privileged: nothing on a machine is closed to its services.'];
}

export function warnDowngrade(old: Version, version: Version): string[] {
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

/** A value as people read it. Keys are named by their ids, trust roots by their digest. */
export function valueText(field: string, value: unknown): string {
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
