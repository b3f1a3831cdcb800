import { createHash } from 'node:crypto';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Agent } from '../agent.ts';
import type { Running } from '../apply/running.ts';
import type { HeldDesiredState } from '../fetch/desired-state.ts';
import { bootedGeneration } from '../mount/booted.ts';
import { findMountFault } from '../mount/generation-mounts.ts';
import { partsPath } from '../mount/generation-names.ts';
import { readJson, writeJson } from '../state.ts';
import { isRecent, readBootId } from '../verify/file-memory.ts';
import { agentVersion } from '../version.ts';
import { takeFingerprint, type Walked } from './fingerprint.ts';
import { unchecked } from './inspect-root.ts';
import { type LeftOut, leftOutSchema } from './left-out.ts';

/**
 * What a full look found right, saved between processes. A look with the same facts, files and boot
 * finds the same, so it need not verify again until the next full look is due.
 */
const lastLook = z.object({
  boot_id: z.string(),
  /** When the look began that read every file, in seconds since the boot. */
  full_look_s: z.number(),
  /** Of everything that a look reads besides the files. */
  facts: z.string(),
  files: z.string(),
  left_out: leftOutSchema.nullable(),
});

/** The machine before a look, in comparison with the last full one. */
export interface Compared {
  /** What the last full look found; undefined when everything must be verified. */
  same: { leftOut: LeftOut | undefined } | undefined;
  /** Fingerprint of the files; undefined when it says nothing about later changes. */
  files: string | undefined;
}

/**
 * Compares the machine with what the last full look found right: the desired state, the policies,
 * the agent and its state, the mounts, and the attributes of each file in the store and the root.
 */
export async function compareWithLastLook(
  agent: Agent,
  running: Running,
  held: HeldDesiredState,
): Promise<Compared> {
  const found = await takeFingerprint(walkedPaths(agent, running));
  const files = found?.isSettled === true ? found.digest : undefined;
  const changed = { same: undefined, files };

  const last = await readJson(agent.paths.lastLook, lastLook).catch(() => undefined);
  if (last === undefined || files === undefined || last.files !== files) return changed;
  if (last.boot_id !== (await readBootId()) || !isRecent(last.full_look_s, uptime()))
    return changed;
  if (last.facts !== (await hashFacts(agent, running, held))) return changed;
  if ((await findFault(agent, running)) !== undefined) return changed;

  return { same: { leftOut: last.left_out ?? undefined }, files };
}

/** Saves what a full look found right, if its files were at rest before it. */
export async function saveLastLook(
  agent: Agent,
  { running, held }: { running: Running; held: HeldDesiredState },
  { files, leftOut }: { files: string | undefined; leftOut: LeftOut | undefined },
): Promise<void> {
  const boot_id = await readBootId();
  if (files === undefined || boot_id === '') return;

  const saved = {
    boot_id,
    full_look_s: agent.check.fullLookS ?? 0,
    facts: await hashFacts(agent, running, held),
    files,
    left_out: leftOut ?? null,
  } satisfies z.infer<typeof lastLook>;
  // Without it the next look is a full one.
  await writeJson(agent.paths.lastLook, saved, 0o600).catch(() => undefined);
}

function walkedPaths({ paths, config }: Agent, { generation }: Running): Walked[] {
  const { number, path, layout } = generation;
  const below = (name: string) => join(path, name);
  // The machine's data is mounted in a mounted root, and linked from a copy.
  const data = layout === 'mount' ? config.writable_paths : [];

  return [
    { top: paths.store },
    { top: paths.images },
    { top: paths.services },
    { top: partsPath(paths, number) },
    { top: path, skipped: [...unchecked, ...data].map(below) },
  ];
}

async function hashFacts(
  { paths, config, state, localPolicy }: Agent,
  { generation }: Running,
  { bytes }: HeldDesiredState,
): Promise<string> {
  const booted = config.way === 'directory' ? undefined : await bootedGeneration(paths);
  const { number, layout } = generation;
  const facts = { agentVersion, config, state, localPolicy, number, layout, booted };
  return createHash('sha256').update(JSON.stringify(facts)).update(bytes).digest('hex');
}

async function findFault(
  { paths, config }: Agent,
  { generation }: Running,
): Promise<string | undefined> {
  if (generation.layout !== 'mount') return undefined;
  const writablePaths = config.writable_paths;
  return findMountFault({ paths, number: generation.number, writablePaths });
}
