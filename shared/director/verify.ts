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
import {
  type DesiredState,
  desiredState,
  generatedFormat,
  readGeneratedFormat,
} from '../contract/reconcile/index.ts';
import { publicKeyOf, tufKey } from './key.ts';
import { compositionTarget, type DesiredStateOptions, rootSha256 } from './make.ts';

/**
 * Verifies root metadata that a join token pins: the SHA-256 of the received bytes, then its own
 * signatures.
 * @throws GantryError `root_untrusted`
 */
export function verifyRoot(bytes: Uint8Array, pinnedSha256: string): Metadata<Root> {
  const found = rootSha256(bytes);
  if (found !== pinnedSha256) {
    throw new GantryError(
      'root_untrusted',
      `The account root has SHA-256 ${found}, but the join token pins ${pinnedSha256}.`,
      {
        expected: pinnedSha256,
        found,
      },
    );
  }

  return readRoot(bytes);
}

/**
 * Verifies the root that follows `current` (TUF 1.0.34, section 5.3): one version higher, signed by
 * the thresholds of both the current root and itself.
 * @throws GantryError `root_untrusted`
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

  requireSignatures(next, {
    delegator: current,
    role: MetadataKind.Root,
    code: 'root_untrusted',
    by: 'the account root before it',
  });

  return next;
}

export interface DesiredStateCheck {
  root: Metadata<Root>;
  account: string;
  instance: string;
  /** The highest version that this machine has verified, or 0. */
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
 * Verifies the bytes of a desired state. Expiry comes last, so that an attack is never reported as
 * mere age.
 * @throws GantryError in this order: `desired_state_signature_invalid`, `desired_state_invalid`
 *   (shape) or `agent_too_old`, `desired_state_foreign` (account and instance),
 *   `desired_state_version_rollback`, `desired_state_expired` (the agent then keeps its root file
 *   system and reports `stale`)
 */
export function verifyDesiredState(
  bytes: Uint8Array,
  check: DesiredStateCheck,
): VerifiedDesiredState {
  const metadata = readDesiredState(bytes);
  requireSignatures(metadata, {
    delegator: check.root,
    role: MetadataKind.Targets,
    code: 'desired_state_signature_invalid',
    by: 'the account root',
  });

  const { version } = metadata.signed;
  const target = requireOnlyTarget(metadata.signed);
  const state = parseCustom(target);

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

/**
 * Reads the content of a desired state without verifying its signatures, to compare it by
 * `contentHash`.
 * @throws GantryError `desired_state_invalid`
 */
export function readClaimedContent(
  bytes: Uint8Array,
): Pick<DesiredStateOptions, 'custom' | 'image'> {
  const target = requireOnlyTarget(readDesiredState(bytes).signed);
  return {
    custom: parseCustom(target),
    image: { length: target.length, sha256: target.hashes.sha256 as string },
  };
}

function parseCustom(target: TargetFile): DesiredState {
  const parsed = desiredState.safeParse(target.custom);
  if (parsed.success) return parsed.data;

  refuseNewerFormat(target.custom);
  const issue = parsed.error.issues[0];
  throw invalid(`its field custom.${issue?.path.join('.')} is wrong: ${issue?.message}`);
}

/**
 * Refuses a generated layer that a newer release made: this one would make another.
 * @param custom what a desired state says, whether or not this release can read all of it
 * @throws GantryError `agent_too_old`
 */
export function refuseNewerFormat(custom: unknown): void {
  const found = readGeneratedFormat(custom);
  if (found <= generatedFormat) return;

  throw new GantryError(
    'agent_too_old',
    `The desired state has a generated layer of format ${found}: expected at most ${generatedFormat}, which this agent can make. The root file system stays. Upgrade the agent.`,
    { expected: generatedFormat, found },
  );
}

function readRoot(bytes: Uint8Array): Metadata<Root> {
  const root = parseRoot(bytes);
  requireSignatures(root, {
    delegator: root,
    role: MetadataKind.Root,
    code: 'root_untrusted',
    by: 'itself',
  });

  return root;
}

/**
 * Parses root metadata without verifying its signatures, e.g. a proposed root.
 * @throws GantryError `root_untrusted` when it is not root metadata
 */
export function parseRoot(bytes: Uint8Array): Metadata<Root> {
  const root = parseMetadata(bytes, 'root_untrusted', 'The account root', (json) =>
    Metadata.fromJSON(MetadataKind.Root, json),
  );
  for (const [id, key] of Object.entries(root.signed.keys)) {
    // With two ids or two forms, one key would count twice towards a threshold.
    const expected = computeKeyId(key);
    if (id !== expected) {
      throw new GantryError(
        'root_untrusted',
        `The account root names a key ${id}, but the content of the key gives ${expected}.`,
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

function computeKeyId(key: Key): string {
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
    Metadata.fromJSON(MetadataKind.Targets, json),
  );
  const { version } = metadata.signed;
  if (!Number.isSafeInteger(version) || version < 1) throw invalid(`its version is ${version}`);

  return metadata;
}

/** What the library reads metadata from. */
type JsonObject = Parameters<typeof Metadata.fromJSON>[1];

/** Of what `JSON.parse` returned. */
function isJsonObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/**
 * Parses metadata. The library must have understood everything it received: it verifies signatures
 * over its own serialization, so a field that it dropped or changed would be unsigned.
 */
function parseMetadata<T extends Metadata<Root> | Metadata<Targets>>(
  bytes: Uint8Array,
  code: ErrorCode,
  what: string,
  read: (json: JsonObject) => T,
): T {
  if (bytes.length > limits.directorMetadataBytesMax) {
    throw new GantryError(
      code,
      `${what} has ${bytes.length} bytes, at most ${limits.directorMetadataBytesMax} are read.`,
    );
  }

  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (!isJsonObject(json)) throw new TypeError('expected an object');

    const metadata = read(json);
    if (isDeepStrictEqual(json.signed, metadata.signed.toJSON())) return metadata;
  } catch (cause) {
    throw new GantryError(
      code,
      `${what} is not TUF metadata of its kind: ${(cause as Error).message}.`,
      { cause },
    );
  }

  throw new GantryError(code, `${what} changes when it is parsed and written again.`);
}

interface RequiredSignatures {
  /** The root whose keys must have signed. */
  delegator: Metadata<Root>;
  role: MetadataKind;
  code: ErrorCode;
  /** Names the delegator in the error. */
  by: string;
}

function requireSignatures(
  metadata: Metadata<Root> | Metadata<Targets>,
  { delegator, role, code, by }: RequiredSignatures,
): void {
  try {
    delegator.verifyDelegate(role, metadata);
  } catch (cause) {
    throw new GantryError(
      code,
      `The ${role} metadata is not signed as ${by} demands: ${(cause as Error).message}.`,
      {
        cause,
      },
    );
  }
}

function requireFresh(metadata: Metadata<Root> | Metadata<Targets>, what: string, now: Date): void {
  // Not `isExpired` of the library: for an invalid time it says that nothing has expired.
  if (now.getTime() < Date.parse(metadata.signed.expires)) return;
  throw new GantryError('desired_state_expired', `${what} expired at ${metadata.signed.expires}.`, {
    expected: `later than ${String(now.toJSON())}`,
    found: metadata.signed.expires,
  });
}

function requireOnlyTarget(targets: Targets): TargetFile {
  const all = Object.values(targets.targets);
  const target = all[0];

  if (all.length !== 1 || target?.path !== compositionTarget) {
    throw invalid(
      `it must have ${compositionTarget} as its only target, found ${all.map((t) => t.path).join(', ') || 'none'}`,
    );
  }

  if (targets.delegations !== undefined)
    throw invalid('it has delegations, which Gantry never writes');
  if (!/^[0-9a-f]{64}$/.test(target.hashes.sha256 ?? ''))
    throw invalid('its target has no SHA-256');

  return target;
}

function invalid(why: string): GantryError {
  return new GantryError('desired_state_invalid', `The desired state is not usable: ${why}.`);
}
