import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Metadata, Root } from '@tufjs/models';
import { GantryError } from '../shared/base/error.ts';
import { type JoinToken, joinToken } from '../shared/contract/machines/index.ts';
import { verifyRoot } from '../shared/director/index.ts';
import { Clock } from './clock.ts';
import { ControlPlane } from './control-plane.ts';
import { makePrivate, readIfPresent, writeAtomic } from './files.ts';
import { takeLock } from './lock.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { readRoots } from './roots.ts';
import { type AgentConfig, agentConfig, readJson, writeJson } from './state.ts';

export interface EnrollOptions {
  /** base64url JSON of `joinToken`. */
  token: string;
  dir: string;
  /** Paths that belong to the machine; `/var` where none are given. */
  writablePaths?: string[];
  /** What becomes of the root once the instance is decommissioned; it keeps running where it is not given. */
  onDecommission?: AgentConfig['on_decommission'];
  now?: () => Date;
}

/**
 * Makes the machine's key, trades the join token for a credential bound to it, and pins the account root that the token
 * names. Nothing is kept from an answer whose root is another (`root_untrusted`). A directory that enrols again goes on from
 * the root that it trusts.
 */
export async function enroll({
  token,
  dir,
  writablePaths,
  onDecommission,
  now = () => new Date(),
}: EnrollOptions): Promise<AgentConfig> {
  const join = readJoinToken(token);
  const paths = agentPaths(dir);
  await makePrivate(paths.agent);
  const release = await takeLock(paths.lock);
  try {
    const again = await isEnrolled(paths, join);
    const privateKey = await machineKey(paths.key);
    const controlPlane = new ControlPlane({
      url: join.url,
      privateKey,
      clock: await Clock.open(now, paths.clock),
    });
    const { url: _, ...body } = join;
    const { account, instance } = body;
    const answer = await controlPlane.enroll(body);
    const root = Buffer.from(answer.root, 'base64');
    const pinned = verifyRoot(root, join.root_sha256);
    const kept = again ? await readRoots(paths) : undefined;
    if (kept !== undefined) requireSameChain(kept.trusted, pinned);
    if (answer.account !== account || answer.instance !== instance) {
      const found = `${answer.account}/${answer.instance}`;
      throw new GantryError(
        'join_token_invalid',
        `The join token is for ${account}/${instance}, the answer for ${found}.`,
      );
    }
    const config = agentConfig.parse({
      url: join.url,
      account,
      instance,
      writable_paths: writablePaths,
      on_decommission: onDecommission,
    });
    // What was trusted stays: the root of a token is the platform's word alone, what follows the kept one is signed by it.
    if (kept === undefined) await writeAtomic(paths.root, root);
    await writeAtomic(paths.credential, answer.credential, 0o600);
    await writeJson(paths.config, config);
    return config;
  } finally {
    await release();
  }
}

/** Two roots of one version that differ are not of one chain: whoever made the token has put another in the account's place. */
function requireSameChain(kept: Metadata<Root>, pinned: Metadata<Root>): void {
  const { version } = kept.signed;
  if (
    pinned.signed.version !== version ||
    isDeepStrictEqual(pinned.signed.toJSON(), kept.signed.toJSON())
  )
    return;
  throw new GantryError(
    'root_untrusted',
    `The join token pins another account root of version ${version} than this machine trusts since it first enrolled.`,
    { field: 'root_sha256' },
  );
}

/**
 * Whether a directory was enrolled before. It is for one enrolment (`already_exists`); one whose credential was revoked may
 * enrol again, as the instance that it is, also where power failed while key and credential were wiped.
 */
async function isEnrolled(paths: AgentPaths, { account, instance }: JoinToken): Promise<boolean> {
  const before = await readJson(paths.config, agentConfig);
  if (before === undefined) return false;
  const same = before.account === account && before.instance === instance;
  const speaks = await Promise.all([paths.key, paths.credential].map(readIfPresent));
  if (same && speaks.includes(undefined)) return true;
  throw new GantryError(
    'already_exists',
    `${paths.dir} is already enrolled as ${before.account}/${before.instance}; expected an empty directory.`,
    { found: before.instance },
  );
}

/** Reads a join token; anything else fails with `join_token_invalid`, without repeating the secret. */
export function readJoinToken(token: string): JoinToken {
  try {
    return joinToken.parse(JSON.parse(Buffer.from(token.trim(), 'base64url').toString()));
  } catch {
    throw new GantryError(
      'join_token_invalid',
      'The join token must be base64url JSON {url, account, instance, secret, root_sha256}, found something else.',
    );
  }
}

/** A key that an enrolment made before it failed is used again: no secret is left lying about. */
async function machineKey(path: string): Promise<KeyObject> {
  const kept = await readIfPresent(path);
  if (kept !== undefined) return createPrivateKey(kept);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeAtomic(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  return privateKey;
}
