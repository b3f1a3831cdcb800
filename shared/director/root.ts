import { type KeyObject, sign } from 'node:crypto';
import { Metadata, Root, Signature } from '@tufjs/models';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { publicKeyOf, tufKey } from './key.ts';
import { requirePositive, specVersion, tufTime } from './make.ts';

/**
 * The roles of the director key alone. Gantry signs targets; it does not use snapshot and
 * timestamp.
 */
const directorRoles = ['targets', 'snapshot', 'timestamp'] as const;

export interface RootOptions {
  /** The public director key (PEM). It has all four roles, each with threshold 1. */
  publicKeyPem: string;
  /** A public offline key (PEM) that may sign the next root too, if the director key is lost. */
  recoveryKeyPem?: string | null;
  expires: Date;
  version: number;
}

/**
 * Makes unsigned root metadata for a new account (product.md, section 9; TUF 1.0.34, section 4.3).
 */
export function makeRoot(options: RootOptions): Metadata<Root> {
  const { publicKeyPem, recoveryKeyPem = null, expires, version } = options;
  return buildRoot({
    version,
    expires,
    rootKeys: [publicKeyPem, ...(recoveryKeyPem === null ? [] : [recoveryKeyPem])],
    threshold: 1,
    director: publicKeyPem,
  });
}

/** The changes of the next root. Absent fields stay as they are. */
export interface RootChange {
  /** Public keys (PEM) that may sign roots from now on. */
  add?: string[] | undefined;
  /** Ids of keys that may no longer sign roots. */
  remove?: string[] | undefined;
  /** The number of signatures that a root needs from now on. */
  threshold?: number | undefined;
  /**
   * The public key (PEM) that signs desired states from now on. It also replaces the old director
   * key among root keys.
   */
  director?: string | undefined;
}

/**
 * Makes unsigned metadata of the root that follows `current` (TUF 1.0.34, section 6.1: one version
 * higher).
 * @throws GantryError `root_change_invalid` when its keys cannot reach its threshold, or when
 * nothing changes
 */
export function nextRoot(
  current: Metadata<Root>,
  change: RootChange,
  expires: Date,
): Metadata<Root> {
  const before = describeRoot(current);
  const director = change.director ?? before.director.public_key;
  const rootKeys = rootKeysAfter(before, change);
  const threshold = change.threshold ?? before.threshold;

  if (threshold < 1 || threshold > rootKeys.size) {
    throw invalid(
      `it would need ${threshold} signatures and have ${rootKeys.size} keys to make them`,
      'threshold',
    );
  }

  if (rootKeys.size > limits.rootKeysMax)
    throw invalid(`it would have more than ${limits.rootKeysMax} keys`, 'add');

  const version = current.signed.version + 1;
  const next = buildRoot({
    version,
    expires,
    rootKeys: [...rootKeys.values()],
    threshold,
    director,
  });

  if (sameTrust(before, describeRoot(next)))
    throw invalid('it would trust what the current root trusts');
  return next;
}

/** Returns the keys that sign roots after a change, by id. */
function rootKeysAfter(before: RootDescription, change: RootChange): Map<string, string> {
  const keys = new Map(before.keys.map(({ key_id, public_key }) => [key_id, public_key]));
  if (change.director !== undefined && keys.delete(before.director.key_id)) {
    keys.set(tufKey(change.director).keyID, change.director);
  }

  for (const id of change.remove ?? []) {
    if (!keys.delete(id)) throw invalid(`no key ${id} signs roots`, 'remove');
  }

  for (const pem of change.add ?? []) {
    const { keyID } = tufKey(pem);
    if (keys.has(keyID)) throw invalid(`the key ${keyID} already signs roots`, 'add');
    keys.set(keyID, pem);
  }

  return keys;
}

function buildRoot(options: {
  version: number;
  expires: Date;
  rootKeys: string[];
  threshold: number;
  director: string;
}): Metadata<Root> {
  const keys = options.rootKeys.map(tufKey);
  const director = tufKey(options.director);
  const ofDirector = { keyids: [director.keyID], threshold: 1 };

  // The library can create a role only from JSON.
  const root = Root.fromJSON({
    spec_version: specVersion,
    version: requirePositive(options.version, 'root version'),
    expires: tufTime(options.expires),
    consistent_snapshot: false,
    keys: Object.fromEntries([...keys, director].map((key) => [key.keyID, key.toJSON()])),
    roles: {
      root: { keyids: keys.map(({ keyID }) => keyID), threshold: options.threshold },
      ...Object.fromEntries(directorRoles.map((name) => [name, ofDirector])),
    },
  });

  return new Metadata(root);
}

export interface RootKey {
  key_id: string;
  type: 'ecdsa' | 'ed25519';
  /** PEM, SPKI. */
  public_key: string;
}

/** The content of a root in Gantry's terms. */
export interface RootDescription {
  version: number;
  expires_at: string;
  /** The number of signatures by `keys` that the next root needs. */
  threshold: number;
  keys: RootKey[];
  /** Signs desired states. */
  director: RootKey;
}

/** Describes a root. */
export function describeRoot({ signed }: Metadata<Root>): RootDescription {
  const findKey = (id: string): RootKey => {
    const key = signed.keys[id];
    if (key === undefined)
      throw invalid(`a role names the key ${id}, which the root does not contain`);

    return {
      key_id: id,
      type: key.keyType === 'ed25519' ? 'ed25519' : 'ecdsa',
      public_key: publicKeyOf(key),
    };
  };

  const { root, targets } = signed.roles;
  return {
    version: signed.version,
    expires_at: new Date(signed.expires).toISOString(),
    threshold: root?.threshold ?? 0,
    keys: (root?.keyIDs ?? []).map(findKey),
    director: findKey(targets?.keyIDs[0] ?? ''),
  };
}

/** Compares keys as sets, because their order has no meaning. */
function sameTrust(a: RootDescription, b: RootDescription): boolean {
  const listIds = ({ keys }: RootDescription) => keys.map(({ key_id }) => key_id).sort();
  return (
    a.threshold === b.threshold &&
    a.director.key_id === b.director.key_id &&
    listIds(a).join() === listIds(b).join()
  );
}

/** The signatures that a proposed root has and needs. */
export interface RootStanding {
  /** Which keys of the current root signed, and which of the proposed one. */
  needs: { of: 'current' | 'proposed'; threshold: number; signed: string[]; missing: string[] }[];
  /** New keys that have not signed. A key without a known holder must not become part of a root. */
  unproven: string[];
  complete: boolean;
}

/**
 * Checks the signatures of a proposed root: the thresholds of both roots, and a signature of each
 * new key.
 */
export function checkSignatures(proposed: Metadata<Root>, current: Metadata<Root>): RootStanding {
  const needs = (
    [
      ['current', current],
      ['proposed', proposed],
    ] as const
  ).map(([of, root]) => {
    const { keys, threshold } = describeRoot(root);
    const listIds = keys.map(({ key_id }) => key_id);
    const signed = listIds.filter((id) => isSignedBy(proposed, root, id));
    return { of, threshold, signed, missing: listIds.filter((id) => !signed.includes(id)) };
  });

  const known = describeRoot(current).keys.map(({ key_id }) => key_id);
  const unproven = (needs[1]?.missing ?? []).filter((id) => !known.includes(id));
  const enough = needs.every(({ signed, threshold }) => signed.length >= threshold);

  return { needs, unproven, complete: enough && unproven.length === 0 };
}

function isSignedBy(proposed: Metadata<Root>, holder: Metadata<Root>, id: string): boolean {
  try {
    holder.signed.keys[id]?.verifySignature(proposed);
    return holder.signed.keys[id] !== undefined;
  } catch {
    return false;
  }
}

/**
 * A signature over a root's canonical JSON, in hex: ECDSA (DER) over SHA-256, or Ed25519 over the
 * bytes.
 */
export interface RootSignature {
  key_id: string;
  signature: string;
}

/**
 * Signs a root with an offline key, which must be a root key of the current or the proposed root.
 * @throws GantryError `root_signature_invalid` when it is neither
 */
export function signRootWith(
  proposed: Metadata<Root>,
  current: Metadata<Root>,
  privateKey: KeyObject,
  publicKeyPem: string,
): RootSignature {
  const { keyID } = tufKey(publicKeyPem);
  requireSigner(proposed, current, keyID);

  let signature = '';
  // A copy, so that the caller's metadata stays as it is.
  new Metadata(proposed.signed).sign((bytes) => {
    signature = sign(
      privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256',
      bytes,
      privateKey,
    ).toString('hex');
    return new Signature({ keyID, sig: signature });
  });

  return { key_id: keyID, signature };
}

/**
 * Adds a signature to a proposed root. @throws GantryError `root_signature_invalid` when it does
 * not verify
 */
export function attachSignature(
  proposed: Metadata<Root>,
  current: Metadata<Root>,
  { key_id, signature }: RootSignature,
): Metadata<Root> {
  requireSigner(proposed, current, key_id);
  const signatures = {
    ...proposed.signatures,
    [key_id]: new Signature({ keyID: key_id, sig: signature }),
  };
  const next = new Metadata(proposed.signed, signatures);
  if (isSignedBy(next, proposed, key_id) || isSignedBy(next, current, key_id)) return next;

  throw new GantryError(
    'root_signature_invalid',
    `Expected a signature of the key ${key_id} over the proposed root ${proposed.signed.version}, found one that does not verify.`,
    { field: 'signature' },
  );
}

function requireSigner(proposed: Metadata<Root>, current: Metadata<Root>, id: string): void {
  const listIds = [current, proposed].flatMap((root) =>
    describeRoot(root).keys.map(({ key_id }) => key_id),
  );
  if (listIds.includes(id)) return;

  throw new GantryError(
    'root_signature_invalid',
    `Expected a key that signs this root or the next, found ${id}.`,
    {
      field: 'key_id',
      expected: [...new Set(listIds)],
      found: id,
    },
  );
}

function invalid(why: string, field?: string): GantryError {
  return new GantryError('root_change_invalid', `The next account root cannot be made: ${why}.`, {
    ...(field === undefined ? {} : { field }),
  });
}
