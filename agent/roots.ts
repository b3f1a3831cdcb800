import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metadata, Root } from '@tufjs/models';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { limits } from '../shared/base/limits/index.ts';
import { rootSha256, verifyNextRoot, verifyRoot } from '../shared/director/index.ts';
import { readIfPresent, writeAtomic } from './files.ts';
import { bytesOf, problemOf, request } from './http.ts';
import type { AgentPaths } from './paths.ts';

/**
 * The account root that is trusted, and those before it that what lies here was verified by, newest first. What is received
 * must be signed by the trusted one; what was verified while an earlier one was trusted stays good until it expires, or every
 * rotation would stop machines until their desired state is signed anew.
 */
export interface Roots {
  trusted: Metadata<Root>;
  earlier: Metadata<Root>[];
}

/** Reads what was kept; undefined when nothing is pinned here. Each file's own signatures are judged again. */
export async function readRoots(paths: AgentPaths): Promise<Roots | undefined> {
  const bytes = await readIfPresent(paths.root);
  if (bytes === undefined) return undefined;
  const trusted = verifyRoot(bytes, rootSha256(bytes));
  const earlier: Metadata<Root>[] = [];
  for (const name of await readdir(paths.earlierRoots).catch(() => [])) {
    const kept = await readIfPresent(join(paths.earlierRoots, name));
    if (kept === undefined) continue;
    const root = verifyRoot(kept, rootSha256(kept));
    // A crash may have come between keeping a root as an earlier one and taking the next.
    if (root.signed.version < trusted.signed.version) earlier.push(root);
  }
  return { trusted, earlier: earlier.sort((a, b) => b.signed.version - a.signed.version) };
}

/**
 * Takes the root that follows (TUF 1.0.34, section 5.3.3). One that does not follow is refused (`root_untrusted`): skipped,
 * older, or without the signatures of both.
 */
export async function followRoot(
  { trusted, earlier }: Roots,
  url: string,
  paths: AgentPaths,
): Promise<Roots> {
  const answer = await request(url);
  if (answer.status !== 200) {
    // Never by a code in the answer: only the control plane may end an enrolment.
    const cause = await problemOf(answer, 'The account root');
    throw new GantryError(
      'unavailable',
      `The account root was answered with ${answer.status}, expected 200.`,
      {
        cause,
      },
    );
  }
  const bytes = await bytesOf(answer, limits.directorMetadataBytesMax, 'The account root');
  const next = verifyNextRoot(bytes, trusted);
  const before = await readIfPresent(paths.root);
  if (before !== undefined) {
    await mkdir(paths.earlierRoots, { recursive: true });
    await writeAtomic(join(paths.earlierRoots, `${trusted.signed.version}.json`), before);
  }
  await writeAtomic(paths.root, bytes);
  return { trusted: next, earlier: [trusted, ...earlier] };
}

/** Judges what was verified here before: by the trusted root or, where that did not sign it, by an earlier one. */
export function byAnyRoot<T>({ trusted, earlier }: Roots, judge: (root: Metadata<Root>) => T): T {
  try {
    return judge(trusted);
  } catch (error) {
    if (!isGantryError(error, 'desired_state_signature_invalid')) throw error;
    for (const root of earlier) {
      try {
        return judge(root);
      } catch (other) {
        if (!isGantryError(other, 'desired_state_signature_invalid')) throw other;
      }
    }
    throw error;
  }
}

/** Which keys sign desired states by a root. */
export function directorOf({ signed }: Metadata<Root>): string {
  return [...(signed.roles.targets?.keyIDs ?? [])].sort().join(' ');
}

/** Forgets the earlier roots, once nothing here needs them. */
export async function forgetEarlierRoots({ trusted }: Roots, paths: AgentPaths): Promise<Roots> {
  await rm(paths.earlierRoots, { recursive: true, force: true });
  return { trusted, earlier: [] };
}
