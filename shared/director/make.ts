import { createHash } from 'node:crypto';
import { Metadata, type Root, Signature, TargetFile, Targets } from '@tufjs/models';
import { GantryError } from '../base/error.ts';
import { type DesiredState, desiredState } from '../contract/reconcile/index.ts';

/**
 * The version of the TUF specification that the metadata follows. Agents refuse another major
 * version.
 */
export const specVersion = '1.0.31';

/**
 * Path of the only target of a desired state: the composition image (EROFS, written by
 * shared/composefs).
 */
export const compositionTarget = 'composition.erofs';

export interface DesiredStateOptions {
  custom: DesiredState;
  /**
   * The composition image: its bytes and their plain SHA-256 (64 hex digits), not the fs-verity
   * digest.
   */
  image: { length: number; sha256: string };
  /** Counter of the instance. Agents refuse a lower version than the last one they saw. */
  version: number;
  expires: Date;
}

/**
 * Makes unsigned targets metadata that says what one machine should run.
 * @throws GantryError `desired_state_invalid` when `custom` does not match its schema, or holds
 * numbers that are not whole,
 *   which canonical JSON cannot represent
 */
export function makeDesiredState({
  custom,
  image,
  version,
  expires,
}: DesiredStateOptions): Metadata<Targets> {
  const parsed = desiredState.safeParse(custom);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join('.') ?? '';

    throw new GantryError(
      'desired_state_invalid',
      `The desired state is not well formed at ${field}: ${issue?.message}.`,
      {
        field,
      },
    );
  }

  const fraction = findFraction(parsed.data, '');
  if (fraction !== null) {
    throw new GantryError(
      'desired_state_invalid',
      `The desired state has ${fraction.value} at ${fraction.path}: signed metadata carries whole numbers only, write it as text.`,
      { field: fraction.path, expected: 'a whole number or text', found: fraction.value },
    );
  }

  const targets = new Targets({
    specVersion,
    version: requirePositive(version, 'desired state version'),
    expires: tufTime(expires),
  });

  targets.addTarget(
    new TargetFile({
      path: compositionTarget,
      length: image.length,
      hashes: { sha256: image.sha256 },
      // To JSON and back, so that the signature covers what a reader of the bytes sees, without
      // undefined members.
      unrecognizedFields: { custom: JSON.parse(JSON.stringify(parsed.data)) },
    }),
  );

  return new Metadata(targets);
}

/**
 * Hashes the content of a desired state without its version, time and signatures (SHA-256, 64 hex
 * digits). The hash is the same for the input of `makeDesiredState` and for the result of
 * `readClaimedContent`.
 */
export function contentHash({
  custom,
  image,
}: Pick<DesiredStateOptions, 'custom' | 'image'>): string {
  // Parsing gives the keys the order of the schema.
  const parsed = JSON.stringify([desiredState.parse(custom), image.length, image.sha256]);
  return createHash('sha256').update(parsed).digest('hex');
}

/**
 * Signs bytes with ECDSA P-256 over SHA-256. Returns the DER signature, as KMS and node:crypto do.
 */
export type DirectorSigner = (bytes: Buffer) => Promise<Uint8Array>;

/**
 * Adds a signature over the canonical JSON of `metadata.signed` and returns the bytes of the file.
 * For thresholds above one, call it once for each key.
 */
export async function signMetadata(
  metadata: Metadata<Root> | Metadata<Targets>,
  signer: DirectorSigner,
  keyId: string,
): Promise<Buffer> {
  // The library signs synchronously, but KMS cannot. So the library only computes the canonical
  // bytes.
  let canonical: Buffer = Buffer.alloc(0);
  const before = metadata.signatures;

  metadata.sign((bytes) => {
    canonical = bytes;
    return new Signature({ keyID: keyId, sig: '' });
  });

  const der = await signer(canonical);
  metadata.signatures = {
    ...before,
    [keyId]: new Signature({ keyID: keyId, sig: Buffer.from(der).toString('hex') }),
  };

  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

/** Hashes the bytes of root metadata (SHA-256, 64 hex digits). Join tokens pin this hash. */
export function rootSha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Formats a time for TUF: UTC, whole seconds. */
export function tufTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** Requires a whole number from 1. @throws GantryError `desired_state_invalid` */
export function requirePositive(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new GantryError(
    'desired_state_invalid',
    `The ${what} must be a whole number from 1, found ${value}.`,
  );
}

function findFraction(value: unknown, path: string): { path: string; value: number } | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? null : { path, value };
  if (typeof value !== 'object' || value === null) return null;

  for (const [key, member] of Object.entries(value)) {
    const found = findFraction(member, path === '' ? key : `${path}.${key}`);
    if (found !== null) return found;
  }

  return null;
}
