import { isDeepStrictEqual } from 'node:util';
import type { Metadata, Root } from '@tufjs/models';
import { GantryError } from '../shared/base/error.ts';
import { type JoinToken, joinToken } from '../shared/contract/machines/index.ts';
import { verifyRoot } from '../shared/director/index.ts';
import { readAccountRoots } from './fetch/account-roots.ts';
import { Clock } from './fetch/clock.ts';
import { ControlPlane } from './fetch/control-plane.ts';
import { makePrivate, readIfPresent, writeAtomic } from './files.ts';
import { keepCallKey, keepSealingKey } from './keys.ts';
import { takeLock } from './lock.ts';
import { chooseLayout } from './mount/choose-layout.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { type AgentConfig, agentConfig, readJson, writeJson } from './state.ts';
import { readMachineFacts, requireWay } from './way.ts';

export interface EnrollOptions {
  /** A join token: base64url JSON of `joinToken`. */
  token: string;
  dir: string;
  /** Paths that belong to the machine; `/var` by default. */
  writablePaths?: string[];
  /** Whether the root file system keeps running after decommissioning, which is the default. */
  onDecommission?: AgentConfig['on_decommission'];
  /** `directory` by default. */
  way?: AgentConfig['way'];
  /** `auto` by default. */
  layout?: AgentConfig['layout'];
  now?: () => Date;
}

/** The outcome of an enrolment. */
export interface Enrolled {
  config: AgentConfig;
  /** The public half of the machine's X25519 key (32 bytes, base64url): values are sealed to it. */
  sealingKey: string;
}

/**
 * Makes the machine's keys, exchanges the join token for a credential bound to one, and pins
 * the account root that the token names. A directory that enrols again keeps the account root that
 * it trusts.
 *
 * @throws `prerequisite_missing` when the machine cannot run in the way; `join_token_invalid`,
 * `already_exists`, `conflict`; `root_untrusted` if the response has
 * another account root, which is then discarded; the control plane's own codes.
 */
export async function enroll({
  token,
  dir,
  writablePaths,
  onDecommission,
  way = 'directory',
  layout,
  now = () => new Date(),
}: EnrollOptions): Promise<Enrolled> {
  const join = readJoinToken(token);
  requireWay(way, await readMachineFacts());
  const paths = agentPaths(dir);

  await makePrivate(paths.agent);
  if (layout === 'mount') await chooseLayout({ way, layout }, paths);

  const release = await takeLock(paths.lock);
  try {
    const again = await isEnrolled(paths, join);
    const privateKey = await keepCallKey(paths);
    const sealingKey = await keepSealingKey(paths);

    const controlPlane = new ControlPlane({
      url: join.url,
      privateKey,
      clock: await Clock.open(now, paths.clock),
    });

    const { url: _, ...body } = join;
    const { account, instance } = body;
    const enrolled = await controlPlane.enroll({ ...body, sealing_key: sealingKey });

    const root = Buffer.from(enrolled.root, 'base64');
    const pinned = verifyRoot(root, join.root_sha256);
    const kept = again ? await readAccountRoots(paths) : undefined;
    if (kept !== undefined) requireSameChain(kept.trusted, pinned);

    if (enrolled.account !== account || enrolled.instance !== instance) {
      const found = `${enrolled.account}/${enrolled.instance}`;
      throw new GantryError(
        'join_token_invalid',
        `The join token is for another machine: expected ${account}/${instance}, found ${found}.`,
      );
    }

    const config = agentConfig.parse({
      url: join.url,
      account,
      instance,
      writable_paths: writablePathsOf(way, writablePaths),
      on_decommission: onDecommission,
      way,
      layout,
    });

    // Keep a trusted root: only the platform vouches for the root of a token, but the trusted root
    // signs its successors.
    if (kept === undefined) await writeAtomic(paths.root, root);
    await writeAtomic(paths.credential, enrolled.credential, 0o600);
    await writeJson(paths.config, config);

    return { config, sealingKey };
  } finally {
    await release();
  }
}

/** A machine that boots from its composition has the agent's directory below its `/var`. */
function writablePathsOf(
  way: AgentConfig['way'],
  paths: string[] | undefined,
): string[] | undefined {
  return way === 'root' && paths !== undefined ? [...new Set(['/var', ...paths])] : paths;
}

/**
 * Two different roots of one version cannot belong to one root chain, so the token is for a forged
 * account root.
 */
function requireSameChain(kept: Metadata<Root>, pinned: Metadata<Root>): void {
  const { version } = kept.signed;
  const isConsistent =
    pinned.signed.version !== version ||
    isDeepStrictEqual(pinned.signed.toJSON(), kept.signed.toJSON());
  if (isConsistent) return;

  throw new GantryError(
    'root_untrusted',
    `The join token pins another account root: expected the version ${version} that this machine trusts since it first enrolled, found another root.`,
    { field: 'root_sha256' },
  );
}

/**
 * True if a directory was enrolled before as the same machine and lost its credential, or half of
 * it after a power failure. It may then enrol again.
 *
 * @throws `already_exists` when it is enrolled.
 */
async function isEnrolled(paths: AgentPaths, { account, instance }: JoinToken): Promise<boolean> {
  const before = await readJson(paths.config, agentConfig, 'Remove it, and enrol again.');
  if (before === undefined) return false;

  const isSame = before.account === account && before.instance === instance;
  const secrets = await Promise.all([paths.key, paths.credential].map(readIfPresent));
  if (isSame && secrets.includes(undefined)) return true;

  throw new GantryError(
    'already_exists',
    `Expected an empty directory, found ${paths.dir} enrolled as ${before.account}/${before.instance}.`,
    { found: before.instance },
  );
}

/**
 * Reads a join token.
 *
 * @throws `join_token_invalid`, without repeating the secret.
 */
export function readJoinToken(token: string): JoinToken {
  try {
    return joinToken.parse(JSON.parse(Buffer.from(token.trim(), 'base64url').toString()));
  } catch {
    throw new GantryError(
      'join_token_invalid',
      'The join token is invalid: it must be base64url JSON {url, account, instance, secret, root_sha256}.',
    );
  }
}
