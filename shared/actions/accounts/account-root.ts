import type { Metadata, Root } from '@tufjs/models';
import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import { dayMs } from '../../base/time.ts';
import {
  attachSignature,
  checkSignatures,
  describeRoot,
  nextRoot,
  parseRoot,
  type RootChange,
  type RootSignature,
  rootSha256,
  verifyNextRoot,
  verifyRoot,
} from '../../director/index.ts';
import type { Account, Caller, RootProposal, SupersededRoot } from '../../domain/accounts/index.ts';
import {
  createRootProposal,
  createSupersededRoot,
  dueRotations,
  getRootProposal,
  listSupersededRoots,
  moveRoot,
  moveRotation,
  putRotation,
  removeRootProposal,
  rootEvent,
  signRootProposal,
} from '../../store/accounts/index.ts';
import { walkInstances } from '../../store/machines/index.ts';
import { getBytes, objectKeys, presignGet, putByDigest } from '../../store/objects.ts';
import { transact, type Write } from '../../store/table/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { createDirectorKey, directorPublicKey, isLostKey, signAsDirector } from './director-key.ts';
import { requireAccount } from './require-account.ts';

/** A root with its bytes. */
export interface HeldRoot {
  root: Metadata<Root>;
  bytes: Uint8Array;
}

/** An account's root, the former roots, and the proposed one. */
export interface Trust {
  account: Account;
  current: HeldRoot;
  superseded: SupersededRoot[];
  proposal: { row: RootProposal; root: Metadata<Root> } | null;
}

/** Reads an account's root, those before it, and the proposed one. */
export async function readTrust(services: Services, slug: string): Promise<Trust> {
  const account = await requireAccount(services, slug);
  const bytes = await getBytes(services.objects, objectKeys.root(slug, account.root_sha256));
  const [superseded, row] = await Promise.all([
    listSupersededRoots(services.db, slug),
    getRootProposal(services.db, slug),
  ]);
  const current = { root: verifyRoot(bytes, account.root_sha256), bytes };
  // A proposal that follows a former root is stale.
  const open = row !== null && row.version === account.root_version + 1;

  return {
    account,
    current,
    superseded,
    proposal: open ? { row, root: parse(row.metadata) } : null,
  };
}

/**
 * One root of the account's chain, as agents get it.
 *
 * @throws GantryError `not_found`
 */
export async function readRoot(
  services: Services,
  slug: string,
  version: number,
): Promise<HeldRoot> {
  const account = await requireAccount(services, slug);
  const chain = await chainOf(services, account);
  const sha256 = chain.find((one) => one.version === version)?.sha256;

  if (sha256 === undefined) {
    throw new GantryError(
      'not_found',
      `expected a root from 1 to ${account.root_version}, found ${version}`,
    );
  }

  const bytes = await getBytes(services.objects, objectKeys.root(slug, sha256));
  return { root: verifyRoot(bytes, sha256), bytes };
}

/**
 * Presigned URLs of the roots that follow a version, oldest first, at most
 * `limits.rootsPerHeartbeat`.
 */
export async function rootUrlsAfter(
  services: Services,
  account: Account,
  version: number,
): Promise<string[]> {
  if (version >= account.root_version) return [];

  const chain = await chainOf(services, account);
  const next = chain.filter((one) => one.version > version).slice(0, limits.rootsPerHeartbeat);

  return Promise.all(
    next.map(({ sha256 }) =>
      presignGet(services.objects, objectKeys.root(account.slug, sha256), limits.presignedSeconds),
    ),
  );
}

/**
 * The bytes of the root that a join token pins, or null. A former root is fine: agents follow the
 * chain from it.
 */
export async function pinnedRoot(
  services: Services,
  account: Account,
  sha256: string,
): Promise<Uint8Array | null> {
  const chain = await chainOf(services, account);
  if (!chain.some((one) => one.sha256 === sha256)) return null;
  return getBytes(services.objects, objectKeys.root(account.slug, sha256));
}

async function chainOf(
  services: Services,
  { slug, root_version, root_sha256 }: Account,
): Promise<{ version: number; sha256: string }[]> {
  return [
    ...(await listSupersededRoots(services.db, slug)),
    { version: root_version, sha256: root_sha256 },
  ];
}

/**
 * Which keys sign roots, and whether a new director key replaces the one that signs desired states.
 */
export interface ProposedChange extends Omit<RootChange, 'director'> {
  rotate?: boolean | undefined;
}

/**
 * Proposes the next root and signs it with the director keys that count. If these signatures are
 * enough, the root is in force immediately. Otherwise it waits for signatures of the offline keys.
 *
 * @throws GantryError `root_proposal_open` while another proposal waits
 */
export async function proposeRoot(
  services: Services,
  caller: Caller,
  change: ProposedChange,
): Promise<Trust> {
  const trust = await readTrust(services, caller.account);
  if (trust.proposal !== null) {
    throw new GantryError(
      'root_proposal_open',
      `root ${trust.proposal.row.version} waits for signatures; sign it or withdraw it first`,
    );
  }

  const { account, current } = trust;
  const { root, director_key_id } = await makeNextRoot(services, trust, change);

  const row: RootProposal = {
    account: account.slug,
    version: root.signed.version,
    metadata: JSON.stringify(root.toJSON()),
    director_key_id,
    proposed_by: caller.actor,
    proposed_at: nowIso(services),
    revision: 1,
  };

  if (checkSignatures(root, current.root).complete) {
    await putInForce(services, caller, trust, { row, root, more: [] });
  } else {
    const data = factsOf(root, director_key_id ?? account.director_key_id);
    await transact(services.db, [
      createRootProposal(row),
      rootEvent(row, causeOf(services, caller), 'proposed', data),
    ]);
  }

  return readTrust(services, caller.account);
}

/** The next root, signed by the director keys that count. A rotation makes a new director key. */
async function makeNextRoot(
  services: Services,
  { account, current }: Trust,
  { rotate, ...keys }: ProposedChange,
): Promise<{ root: Metadata<Root>; director_key_id: string | null }> {
  const director_key_id = rotate === true ? await createDirectorKey(services, account.slug) : null;
  const director =
    director_key_id === null ? undefined : await directorPublicKey(services, director_key_id);
  const expires = new Date(services.now().getTime() + limits.accountRootDays * dayMs);
  const root = nextRoot(current.root, { ...keys, director }, expires);

  const directors = { [describeRoot(current.root).director.key_id]: account.director_key_id };
  if (director_key_id !== null) directors[describeRoot(root).director.key_id] = director_key_id;

  for (const id of checkSignatures(root, current.root).needs.flatMap(({ missing }) => missing)) {
    if (directors[id] !== undefined) await signUnlessLost(services, directors[id], root);
  }

  requireReachable(root, current.root, new Set(Object.keys(directors)));
  return { root, director_key_id };
}

/** A director key that KMS lost signs nothing. Offline keys may still put the root in force. */
async function signUnlessLost(
  services: Services,
  keyId: string,
  root: Metadata<Root>,
): Promise<void> {
  try {
    await signAsDirector(services, keyId, root);
  } catch (error) {
    if (!isLostKey(error)) throw error;
  }
}

/**
 * Refuses a root that can never be in force: KMS lost a director key, and the offline keys are too
 * few without it.
 */
function requireReachable(
  root: Metadata<Root>,
  current: Metadata<Root>,
  directors: ReadonlySet<string>,
): void {
  for (const { of, threshold, signed, missing } of checkSignatures(root, current).needs) {
    const offline = missing.filter((id) => !directors.has(id));
    if (signed.length + offline.length >= threshold) continue;

    throw new GantryError(
      'director_key_lost',
      `expected ${threshold} signatures for the ${of} root; KMS can no longer use the director key, and ${offline.length} offline keys can sign`,
    );
  }
}

/**
 * Adds the signature of an offline key to the proposed root. The last signature that the root needs
 * puts it in force. Adding the same signature twice changes nothing.
 *
 * @throws GantryError `root_signature_invalid`, or `not_found` where nothing is proposed
 */
export function signRoot(
  services: Services,
  caller: Caller,
  signature: RootSignature,
): Promise<Trust> {
  return retryConflicts(() => addSignature(services, caller, signature));
}

async function addSignature(
  services: Services,
  caller: Caller,
  signature: RootSignature,
): Promise<Trust> {
  const trust = await readTrust(services, caller.account);
  const { row, root: proposed } = requireProposal(trust);
  const root = attachSignature(proposed, trust.current.root, signature);

  if (checkSignatures(root, trust.current.root).complete) {
    await putInForce(services, caller, trust, { row, root, more: [removeRootProposal(row)] });
  } else if (proposed.signatures[signature.key_id]?.sig !== signature.signature) {
    await transact(services.db, [
      signRootProposal(row, JSON.stringify(root.toJSON())),
      rootEvent(row, causeOf(services, caller), 'signed', { key_id: signature.key_id }),
    ]);
  }

  return readTrust(services, caller.account);
}

/** Withdraws the proposed root. A director key that was made for it stays unused. */
export async function withdrawRoot(services: Services, caller: Caller): Promise<void> {
  const { row } = requireProposal(await readTrust(services, caller.account));
  await transact(services.db, [
    removeRootProposal(row),
    rootEvent(row, causeOf(services, caller), 'withdrawn', {}),
  ]);
}

/**
 * Stores the root's bytes first, then points the account to it in one transaction: a run that dies
 * in between leaves an object that nothing names. After a new director key all desired states are
 * signed again; the sweep spreads that work.
 */
async function putInForce(
  services: Services,
  caller: Caller,
  { account, current }: Trust,
  { row, root, more }: { row: RootProposal; root: Metadata<Root>; more: Write[] },
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(root.toJSON()));
  // The agents' own rule: a root that they refuse must never be in force.
  verifyNextRoot(bytes, current.root);

  const at = nowIso(services);
  const { slug, root_version, root_sha256, director_key_id } = account;

  const set = {
    root_version: row.version,
    root_sha256: rootSha256(bytes),
    director_key_id: row.director_key_id ?? director_key_id,
  };

  await putByDigest(
    services.objects,
    { key: objectKeys.root(slug, set.root_sha256), body: bytes, type: 'application/json' },
    services.now(),
  );

  await transact(services.db, [
    moveRoot(account, set),
    createSupersededRoot({
      account: slug,
      version: root_version,
      sha256: root_sha256,
      superseded_at: at,
    }),
    ...(row.director_key_id === null
      ? []
      : [putRotation({ account: slug, version: row.version, place: '', due_at: at })]),
    ...more,
    rootEvent(row, { actor: caller.actor, at }, 'changed', {
      root_sha256: set.root_sha256,
      ...factsOf(root, set.director_key_id),
    }),
  ]);
}

/**
 * Sends the instances of accounts whose director key changed to reconcile: one page of each account
 * in a run.
 */
export async function spreadRotations(services: Services): Promise<number> {
  const due = await dueRotations(services.db, nowIso(services), limits.rotationsPerRun);
  let handed = 0;

  for (const rotation of due) {
    const { account, place } = rotation;
    const part = { limit: limits.rotationPageSize, place };
    const page = await walkInstances(services.db, { account, template_id: null }, part);

    await enqueue(
      services,
      'reconcile',
      page.instances.map(({ id }) => ({ account, instance_id: id })),
    );

    handed += page.instances.length;
    // Send before recording: a run that dies in between sends them twice, and the second time
    // reconcile changes nothing.
    await transact(services.db, [moveRotation(rotation, page.next)]).catch((error: unknown) => {
      if (!isGantryError(error, 'conflict')) throw error;
    });
  }

  return handed;
}

function causeOf(services: Services, { actor }: Caller) {
  return { actor, at: nowIso(services) };
}

function factsOf(root: Metadata<Root>, director_key_id: string) {
  const { keys, threshold } = describeRoot(root);
  return { key_ids: keys.map(({ key_id }) => key_id), threshold, director_key_id };
}

function requireProposal({ proposal }: Trust) {
  if (proposal !== null) return proposal;
  throw new GantryError('not_found', 'expected a proposed root, found none');
}

function parse(metadata: string): Metadata<Root> {
  return parseRoot(Buffer.from(metadata));
}
