import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metadata, Root } from '@tufjs/models';
import { GantryError, isGantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { rootSha256, verifyNextRoot, verifyRoot } from '../../shared/director/index.ts';
import { readIfPresent, removeTree, writeAtomic } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import { readBody, readProblem, request } from './http.ts';

/**
 * The trusted account root, and the earlier roots that still verify something on this machine,
 * newest first. A new desired state must be signed under the trusted root. A desired state that an
 * earlier root verified stays valid until it expires; otherwise each rotation would stop machines
 * until theirs is signed again.
 */
export interface AccountRoots {
  trusted: Metadata<Root>;
  earlier: Metadata<Root>[];
}

/**
 * Reads the account roots and verifies each one's own signatures; undefined when none is pinned
 * here.
 */
export async function readAccountRoots(paths: AgentPaths): Promise<AccountRoots | undefined> {
  const bytes = await readIfPresent(paths.root);
  if (bytes === undefined) return undefined;

  const trusted = verifyRoot(bytes, rootSha256(bytes));
  const earlier: Metadata<Root>[] = [];

  for (const name of await readdir(paths.earlierRoots).catch(() => [])) {
    const saved = await readIfPresent(join(paths.earlierRoots, name));
    if (saved === undefined) continue;

    const root = verifyRoot(saved, rootSha256(saved));
    // After a crash between the two writes of a rotation, the trusted root is among the earlier
    // ones too.
    if (root.signed.version < trusted.signed.version) earlier.push(root);
  }

  return { trusted, earlier: earlier.sort((a, b) => b.signed.version - a.signed.version) };
}

/**
 * Fetches and trusts the next account root (TUF 1.0.34, section 5.3.3).
 *
 * @throws `root_untrusted` when it skips a version, is older, or lacks the signatures of the
 * trusted root or its own.
 * @throws `unavailable` when it could not be fetched.
 */
export async function followAccountRoot(
  { trusted, earlier }: AccountRoots,
  url: string,
  paths: AgentPaths,
): Promise<AccountRoots> {
  const response = await request(url);
  if (response.status !== 200) {
    // The code of the response does not count: only the control plane may end an enrolment.
    throw new GantryError(
      'unavailable',
      `The account root could not be fetched: expected status 200, found ${response.status}.`,
      { cause: await readProblem(response, 'The account root') },
    );
  }

  const bytes = await readBody(response, limits.directorMetadataBytesMax, 'The account root');
  const next = verifyNextRoot(bytes, trusted);

  const before = await readIfPresent(paths.root);
  if (before !== undefined) {
    await mkdir(paths.earlierRoots, { recursive: true });
    await writeAtomic(join(paths.earlierRoots, `${trusted.signed.version}.json`), before);
  }

  await writeAtomic(paths.root, bytes);
  return { trusted: next, earlier: [trusted, ...earlier] };
}

/**
 * Verifies again something that this machine verified before, by the trusted root or, if that
 * fails, by an earlier one.
 *
 * @throws the error of `verify` for the trusted root, if no root verifies it.
 */
export function verifyByAnyRoot<T>(
  { trusted, earlier }: AccountRoots,
  verify: (root: Metadata<Root>) => T,
): T {
  try {
    return verify(trusted);
  } catch (error) {
    if (!isGantryError(error, 'desired_state_signature_invalid')) throw error;

    for (const root of earlier) {
      try {
        return verify(root);
      } catch (other) {
        if (!isGantryError(other, 'desired_state_signature_invalid')) throw other;
      }
    }

    throw error;
  }
}

/** The keys that sign desired states under a root, as one string. */
export function directorKeysOf({ signed }: Metadata<Root>): string {
  return [...(signed.roles.targets?.keyIDs ?? [])].sort().join(' ');
}

/** Removes the earlier roots. Call it only if nothing on this machine needs them. */
export async function forgetEarlierRoots(
  { trusted }: AccountRoots,
  paths: AgentPaths,
): Promise<AccountRoots> {
  await removeTree(paths.earlierRoots);
  return { trusted, earlier: [] };
}
