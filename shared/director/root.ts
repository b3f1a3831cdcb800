import { type KeyObject, sign } from 'node:crypto';
import { Metadata, Root, Signature } from '@tufjs/models';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { publicKeyOf, tufKey } from './key.ts';
import { positive, specVersion, tufTime } from './make.ts';

/** The roles that the director key alone fills: Gantry signs targets; snapshot and timestamp are not used. */
const directorRoles = ['targets', 'snapshot', 'timestamp'] as const;

export interface RootOptions {
  /** The director's public key, PEM. It fills all four roles, each with threshold 1. */
  publicKeyPem: string;
  expires: Date;
  version: number;
}

/** Unsigned root metadata of a new account (product.md, section 9; TUF 1.0.34, section 4.3). */
export function makeRoot({ publicKeyPem, expires, version }: RootOptions): Metadata<Root> {
  return rootOf({
    version,
    expires,
    rootKeys: [publicKeyPem],
    threshold: 1,
    director: publicKeyPem,
  });
}

/** What a next root changes; what is left out stays. */
export interface RootChange {
  /** Public keys (PEM) that sign roots from then on. */
  add?: string[] | undefined;
  /** Ids of keys that sign roots no more. */
  remove?: string[] | undefined;
  /** Signatures that a root needs from then on. */
  threshold?: number | undefined;
  /** The public key (PEM) that signs desired states from then on, also in the place where the one before signs roots. */
  director?: string | undefined;
}

/**
 * Unsigned metadata of the root that follows `current` (TUF 1.0.34, section 6.1: one version higher).
 * Fails with `root_change_invalid` when it could not be signed by its own threshold, or nothing would change.
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
      `it would need ${threshold} signatures and have ${rootKeys.size} keys that make them`,
      'threshold',
    );
  }
  if (rootKeys.size > limits.rootKeysMax)
    throw invalid(`it would have more than ${limits.rootKeysMax} keys`, 'add');
  const version = current.signed.version + 1;
  const next = rootOf({ version, expires, rootKeys: [...rootKeys.values()], threshold, director });
  if (sameTrust(before, describeRoot(next)))
    throw invalid('it would trust what the root before it trusts');
  return next;
}

/** The keys that sign roots after a change, by id. */
function rootKeysAfter(before: RootDescription, change: RootChange): Map<string, string> {
  const keys = new Map(before.keys.map(({ key_id, public_key }) => [key_id, public_key]));
  if (change.director !== undefined && keys.delete(before.director.key_id)) {
    keys.set(tufKey(change.director).keyID, change.director);
  }

  for (const id of change.remove ?? []) {
    if (!keys.delete(id)) throw invalid(`it signs roots with no key ${id}`, 'remove');
  }

  for (const pem of change.add ?? []) {
    const { keyID } = tufKey(pem);
    if (keys.has(keyID)) throw invalid(`the key ${keyID} signs roots already`, 'add');
    keys.set(keyID, pem);
  }
  return keys;
}

function rootOf(options: {
  version: number;
  expires: Date;
  rootKeys: string[];
  threshold: number;
  director: string;
}): Metadata<Root> {
  const keys = options.rootKeys.map(tufKey);
  const director = tufKey(options.director);
  const ofDirector = { keyids: [director.keyID], threshold: 1 };
  // The library exports no way to make a role but from its JSON.
  const root = Root.fromJSON({
    spec_version: specVersion,
    version: positive(options.version, 'root version'),
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

/** A root in Gantry's words. */
export interface RootDescription {
  version: number;
  expires_at: string;
  /** Signatures of `keys` that the next root needs. */
  threshold: number;
  keys: RootKey[];
  /** Signs desired states. */
  director: RootKey;
}

/** What a root says. */
export function describeRoot({ signed }: Metadata<Root>): RootDescription {
  const named = (id: string): RootKey => {
    const key = signed.keys[id];
    if (key === undefined) throw invalid(`it has a role with the key ${id} and does not hold it`);
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
    keys: (root?.keyIDs ?? []).map(named),
    director: named(targets?.keyIDs[0] ?? ''),
  };
}

/** Keys are compared as sets: their order means nothing. */
function sameTrust(a: RootDescription, b: RootDescription): boolean {
  const ids = ({ keys }: RootDescription) => keys.map(({ key_id }) => key_id).sort();
  return (
    a.threshold === b.threshold &&
    a.director.key_id === b.director.key_id &&
    ids(a).join() === ids(b).join()
  );
}

/** How far a proposed root is signed. */
export interface RootStanding {
  /** Of both the root in force and the proposed one: which of its keys signed. */
  needs: { of: 'current' | 'proposed'; threshold: number; signed: string[]; missing: string[] }[];
  /** Keys that come new and have not signed: one that nobody holds must not become part of a root. */
  unproven: string[];
  complete: boolean;
}

/** Whether a proposed root has the signatures that it needs: thresholds of old and new, and each new key's own. */
export function standingOf(proposed: Metadata<Root>, current: Metadata<Root>): RootStanding {
  const needs = (
    [
      ['current', current],
      ['proposed', proposed],
    ] as const
  ).map(([of, root]) => {
    const { keys, threshold } = describeRoot(root);
    const ids = keys.map(({ key_id }) => key_id);
    const signed = ids.filter((id) => isSignedBy(proposed, root, id));
    return { of, threshold, signed, missing: ids.filter((id) => !signed.includes(id)) };
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

/** A signature over a root's canonical JSON, as hex: ECDSA in DER over SHA-256, Ed25519 over the bytes. */
export interface RootSignature {
  key_id: string;
  signature: string;
}

/**
 * Signs a root with an offline key that is one of the current's or its own root keys. Fails with
 * `root_signature_invalid` when it is neither.
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
  // On a copy: what is signed is the JSON, and the caller's metadata stays as it is.
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

/** Adds a signature that verifies; `root_signature_invalid` otherwise. */
export function withSignature(
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
  const ids = [current, proposed].flatMap((root) =>
    describeRoot(root).keys.map(({ key_id }) => key_id),
  );
  if (ids.includes(id)) return;
  throw new GantryError(
    'root_signature_invalid',
    `Expected a key that signs this root or the next, found ${id}.`,
    {
      field: 'key_id',
      expected: [...new Set(ids)],
      found: id,
    },
  );
}

function invalid(why: string, field?: string): GantryError {
  return new GantryError('root_change_invalid', `The next account root cannot be made: ${why}.`, {
    ...(field === undefined ? {} : { field }),
  });
}
