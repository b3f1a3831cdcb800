import { GantryError } from '../base/error.ts';
import { compareBytes } from '../domain/files/index.ts';
import { signPredicateType } from '../domain/signatures/index.ts';

/** The predicate types that have a short name, as `cosign attest --type` names them. */
export const predicateTypes = {
  cyclonedx: 'https://cyclonedx.org/bom',
  openvex: 'https://openvex.dev/ns',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  spdxjson: 'https://spdx.dev/Document',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
} as const;

/** A digest that a statement is about, and the name of the repository that has it. */
export interface StatementSubject {
  name: string;
  /** `sha256:<hex>` */
  digest: string;
}

/** The bytes to sign, and the type of the statement in them. */
export interface StatementPayload {
  predicateType: string;
  payload: Buffer;
}

/**
 * Makes the statement of `cosign sign` 3 about the digest of an artifact: in-toto v1 of cosign's
 * sign type.
 * @param digest `sha256:<hex>` of the artifact's manifest
 */
export function signStatement(
  digest: string,
  annotations: Record<string, string> = {},
): StatementPayload {
  return encode({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: toDigestSet(digest), annotations: sortKeys(annotations) }],
    predicateType: signPredicateType,
    predicate: {},
  });
}

/**
 * Makes the statement of `cosign attest` 3, in-toto v0.1 with sorted keys in the predicate. A
 * statement about a build and the index that lists it has both as subjects.
 * @param statement.predicate parsed JSON
 */
export function attestStatement({
  subjects,
  predicateType,
  predicate,
}: {
  subjects: StatementSubject[];
  predicateType: string;
  predicate: unknown;
}): StatementPayload {
  return encode({
    _type: 'https://in-toto.io/Statement/v0.1',
    subject: subjects.map(({ name, digest }) => ({ name, digest: toDigestSet(digest) })),
    predicateType,
    predicate: sortKeys(predicate),
  });
}

/**
 * Reads a predicate type: one of the short names, or a URI.
 * @throws GantryError `usage`
 */
export function readPredicateType(text: string): string {
  if (Object.hasOwn(predicateTypes, text))
    return predicateTypes[text as keyof typeof predicateTypes];
  if (/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)) return text;

  throw new GantryError(
    'usage',
    `expected a predicate type: ${Object.keys(predicateTypes).join(', ')} or a URI, found "${text}"`,
    { found: text },
  );
}

function encode<T extends { predicateType: string }>(statement: T): StatementPayload {
  return {
    predicateType: statement.predicateType,
    payload: Buffer.from(JSON.stringify(statement), 'utf8'),
  };
}

function toDigestSet(digest: string): { sha256: string } {
  return { sha256: digest.replace(/^sha256:/, '') };
}

/** Sorts the keys of objects at every depth by their bytes, as Go does. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => compareBytes(a, b))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
