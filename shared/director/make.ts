import { createHash } from 'node:crypto';
import { Metadata, type Root, Signature, TargetFile, Targets } from '@tufjs/models';
import { GantryError } from '../base/error.ts';
import { type DesiredState, desiredState } from '../contract/reconcile/index.ts';

/** TUF's specification that the metadata follows; agents refuse another major version. */
export const specVersion = '1.0.31';

/** Path of the one target of a desired state: the composition image (EROFS, written by shared/composefs). */
export const compositionTarget = 'composition.erofs';

export interface DesiredStateOptions {
  custom: DesiredState;
  /** The composition image: its bytes and their plain SHA-256 (64 hex digits), not the fs-verity digest. */
  image: { length: number; sha256: string };
  /** Counter of the instance; agents refuse a lower one than the last they saw. */
  version: number;
  expires: Date;
}

/**
 * Unsigned targets metadata that tells one instance what to be. Fails with `desired_state_invalid` when `custom` does
 * not have its schema's shape or holds what canonical JSON cannot carry (numbers that are not whole).
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
  const fraction = fractionIn(parsed.data, '');
  if (fraction !== null) {
    throw new GantryError(
      'desired_state_invalid',
      `The desired state has ${fraction.value} at ${fraction.path}: signed metadata carries whole numbers only, write it as text.`,
      { field: fraction.path, expected: 'a whole number or text', found: fraction.value },
    );
  }
  const targets = new Targets({
    specVersion,
    version: positive(version, 'desired state version'),
    expires: tufTime(expires),
  });
  targets.addTarget(
    new TargetFile({
      path: compositionTarget,
      length: image.length,
      hashes: { sha256: image.sha256 },
      // JSON and back: what is signed is what a reader of the bytes sees (undefined members are gone).
      unrecognizedFields: { custom: JSON.parse(JSON.stringify(parsed.data)) },
    }),
  );
  return new Metadata(targets);
}

/**
 * SHA-256 (64 hex digits) of what a desired state says, whatever its version, time and signatures: the same for what is
 * handed to `makeDesiredState` and for what `claimedContent` reads back.
 */
export function contentHash({
  custom,
  image,
}: Pick<DesiredStateOptions, 'custom' | 'image'>): string {
  // Parsed, so that keys have the order of the schema on both ways.
  const parsed = JSON.stringify([desiredState.parse(custom), image.length, image.sha256]);
  return createHash('sha256').update(parsed).digest('hex');
}

/** Signs bytes with ECDSA P-256 over SHA-256; answers the DER signature, as KMS and node:crypto give it. */
export type DirectorSigner = (bytes: Buffer) => Promise<Uint8Array>;

/**
 * Adds one signature over the canonical JSON of `metadata.signed` and answers the file's bytes. Called again with other
 * keys it adds theirs, for thresholds above one.
 */
export async function signMetadata(
  metadata: Metadata<Root> | Metadata<Targets>,
  signer: DirectorSigner,
  keyId: string,
): Promise<Buffer> {
  // The library signs synchronously and keys in KMS cannot, so it is only asked for the canonical bytes.
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

/** What join tokens pin: SHA-256 of the root metadata's bytes, 64 hex digits. */
export function rootSha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** TUF's time: UTC, whole seconds. */
export function tufTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** A version: `desired_state_invalid` unless it is a whole number from 1. */
export function positive(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new GantryError(
    'desired_state_invalid',
    `The ${what} must be a whole number from 1, found ${value}.`,
  );
}

function fractionIn(value: unknown, path: string): { path: string; value: number } | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? null : { path, value };
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const found = fractionIn(member, path === '' ? key : `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}
