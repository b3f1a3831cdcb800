import { isDeepStrictEqual } from 'node:util';
import {
  type Key,
  Metadata,
  MetadataKind,
  type Root,
  type TargetFile,
  type Targets,
} from '@tufjs/models';
import { GantryError } from '../base/error.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { limits } from '../base/limits/index.ts';
import { type DesiredState, desiredState } from '../contract/reconcile/index.ts';
import { publicKeyOf, tufKey } from './key.ts';
import { compositionTarget, type DesiredStateOptions, rootSha256 } from './make.ts';

/**
 * Reads root metadata that a join token pins: SHA-256 of the bytes as received, then its own signatures.
 * Fails with `root_untrusted`.
 */
export function verifyRoot(bytes: Uint8Array, pinnedSha256: string): Metadata<Root> {
  const found = rootSha256(bytes);
  if (found !== pinnedSha256) {
    throw new GantryError(
      'root_untrusted',
      `The account root has SHA-256 ${found}, the join token pins ${pinnedSha256}.`,
      {
        expected: pinnedSha256,
        found,
      },
    );
  }
  return readRoot(bytes);
}

/**
 * Reads the root that follows `current` (TUF 1.0.34, section 5.3): version one higher, signed by the thresholds of both
 * the current root and itself. Fails with `root_untrusted`.
 */
export function verifyNextRoot(bytes: Uint8Array, current: Metadata<Root>): Metadata<Root> {
  const next = readRoot(bytes);
  if (next.signed.version !== current.signed.version + 1) {
    throw new GantryError(
      'root_untrusted',
      `The next account root must have version ${current.signed.version + 1}, found ${next.signed.version}.`,
      { expected: current.signed.version + 1, found: next.signed.version },
    );
  }
  requireSignatures(
    current,
    MetadataKind.Root,
    next,
    'root_untrusted',
    'the account root before it',
  );
  return next;
}

export interface DesiredStateCheck {
  root: Metadata<Root>;
  account: string;
  instance: string;
  /** The highest version that this machine ever verified; 0 when none. */
  lastVersion: number;
  now: Date;
}

export interface VerifiedDesiredState {
  state: DesiredState;
  version: number;
  expires: Date;
  /** The composition image: bytes and plain SHA-256 (64 hex digits). */
  image: { length: number; sha256: string };
}

/**
 * Judges the bytes of a desired state as served. In this order, so that an attack is never taken for mere age:
 * signatures (`desired_state_signature_invalid`), shape (`desired_state_invalid`), account and instance
 * (`desired_state_foreign`), version (`desired_state_version_rollback`), expiry (`desired_state_expired`, upon which an
 * agent keeps its root and reports `stale`).
 */
export function verifyDesiredState(
  bytes: Uint8Array,
  check: DesiredStateCheck,
): VerifiedDesiredState {
  const metadata = readDesiredState(bytes);
  requireSignatures(
    check.root,
    MetadataKind.Targets,
    metadata,
    'desired_state_signature_invalid',
    'the account root',
  );
  const { version } = metadata.signed;
  const target = onlyTarget(metadata.signed);
  const state = customOf(target);
  if (state.account !== check.account || state.instance !== check.instance) {
    const expected = `${check.account}/${check.instance}`;
    const found = `${state.account}/${state.instance}`;
    throw new GantryError(
      'desired_state_foreign',
      `The desired state is for ${found}, this machine is ${expected}.`,
      {
        expected,
        found,
      },
    );
  }
  if (version < check.lastVersion) {
    throw new GantryError(
      'desired_state_version_rollback',
      `The desired state has version ${version}, this machine has already seen ${check.lastVersion}.`,
      { expected: check.lastVersion, found: version },
    );
  }
  requireFresh(metadata, `The desired state (version ${version})`, check.now);
  requireFresh(check.root, `The account root (version ${check.root.signed.version})`, check.now);
  return {
    state,
    version,
    expires: new Date(metadata.signed.expires),
    image: { length: target.length, sha256: target.hashes.sha256 as string },
  };
}

/** What a desired state says, its signatures unjudged: to be compared by `contentHash`. Fails with `desired_state_invalid`. */
export function claimedContent(bytes: Uint8Array): Pick<DesiredStateOptions, 'custom' | 'image'> {
  const target = onlyTarget(readDesiredState(bytes).signed);
  return {
    custom: customOf(target),
    image: { length: target.length, sha256: target.hashes.sha256 as string },
  };
}

function customOf(target: TargetFile): DesiredState {
  const parsed = desiredState.safeParse(target.custom);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`its field custom.${issue?.path.join('.')} is wrong: ${issue?.message}`);
}

function readRoot(bytes: Uint8Array): Metadata<Root> {
  const root = parseRoot(bytes);
  requireSignatures(root, MetadataKind.Root, root, 'root_untrusted', 'itself');
  return root;
}

/** Root metadata whose signatures nobody judged yet: a proposed one. Fails with `root_untrusted` when it is none. */
export function parseRoot(bytes: Uint8Array): Metadata<Root> {
  const root = parseMetadata(bytes, 'root_untrusted', 'The account root', (json) =>
    Metadata.fromJSON(MetadataKind.Root, json as never),
  );
  for (const [id, key] of Object.entries(root.signed.keys)) {
    // Two ids for one key, or two ways to write it, would let it count twice towards a threshold.
    const expected = ownIdOf(key);
    if (id !== expected) {
      throw new GantryError(
        'root_untrusted',
        `The account root names a key ${id}, its own content gives ${expected}.`,
        {
          expected,
          found: id,
        },
      );
    }
  }
  for (const [name, role] of Object.entries(root.signed.roles)) {
    if (!Number.isSafeInteger(role.threshold) || role.threshold < 1) {
      throw new GantryError(
        'root_untrusted',
        `The account root gives role ${name} the threshold ${role.threshold}.`,
      );
    }
  }
  return root;
}

function ownIdOf(key: Key): string {
  try {
    return tufKey(publicKeyOf(key)).keyID;
  } catch (cause) {
    throw new GantryError(
      'root_untrusted',
      `The account root has a key that cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function readDesiredState(bytes: Uint8Array): Metadata<Targets> {
  const metadata = parseMetadata(bytes, 'desired_state_invalid', 'The desired state', (json) =>
    Metadata.fromJSON(MetadataKind.Targets, json as never),
  );
  const { version } = metadata.signed;
  if (!Number.isSafeInteger(version) || version < 1) throw invalid(`its version is ${version}`);
  return metadata;
}

/**
 * Bytes to metadata. What the library understood must be all that was received: signatures are judged over the model's
 * serialisation, so a field that it dropped or changed would go unsigned.
 */
function parseMetadata<T extends Metadata<Root> | Metadata<Targets>>(
  bytes: Uint8Array,
  code: ErrorCode,
  what: string,
  read: (json: unknown) => T,
): T {
  if (bytes.length > limits.directorMetadataBytesMax) {
    throw new GantryError(
      code,
      `${what} has ${bytes.length} bytes, at most ${limits.directorMetadataBytesMax} are read.`,
    );
  }
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const metadata = read(json);
    if (isDeepStrictEqual((json as { signed: unknown }).signed, metadata.signed.toJSON()))
      return metadata;
  } catch (cause) {
    throw new GantryError(
      code,
      `${what} is not TUF metadata of its kind: ${(cause as Error).message}.`,
      { cause },
    );
  }
  throw new GantryError(code, `${what} does not read back as it was received.`);
}

function requireSignatures(
  delegator: Metadata<Root>,
  role: MetadataKind,
  metadata: Metadata<Root> | Metadata<Targets>,
  code: ErrorCode,
  by: string,
): void {
  try {
    delegator.verifyDelegate(role, metadata);
  } catch (cause) {
    throw new GantryError(
      code,
      `The ${role} metadata is not signed as ${by} asks: ${(cause as Error).message}.`,
      {
        cause,
      },
    );
  }
}

function requireFresh(metadata: Metadata<Root> | Metadata<Targets>, what: string, now: Date): void {
  // Not the library's `isExpired`: to that, nothing has expired at a time that is none.
  if (now.getTime() < Date.parse(metadata.signed.expires)) return;
  throw new GantryError('desired_state_expired', `${what} expired at ${metadata.signed.expires}.`, {
    expected: `later than ${String(now.toJSON())}`,
    found: metadata.signed.expires,
  });
}

function onlyTarget(targets: Targets): TargetFile {
  const all = Object.values(targets.targets);
  const target = all[0];
  if (all.length !== 1 || target?.path !== compositionTarget) {
    throw invalid(
      `it must have the one target ${compositionTarget}, found ${all.map((t) => t.path).join(', ') || 'none'}`,
    );
  }
  if (targets.delegations !== undefined) throw invalid('it delegates, which Gantry never does');
  if (!/^[0-9a-f]{64}$/.test(target.hashes.sha256 ?? ''))
    throw invalid('its target has no SHA-256');
  return target;
}

function invalid(why: string): GantryError {
  return new GantryError('desired_state_invalid', `The desired state is not usable: ${why}.`);
}
